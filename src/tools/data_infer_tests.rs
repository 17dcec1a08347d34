//! Columns as files have them.
use super::*;
use crate::tools::data_read::read;

fn column(cells: &[&str]) -> (Column, Vec<String>) {
    let text = format!("name|other\n{}\n", cells.iter().map(|cell| format!("{cell}|x")).collect::<Vec<_>>().join("\n"));
    let table = read(text.as_bytes()).unwrap();
    let column = columns(&table).swap_remove(0);
    let values = table.column(0).map(|text| match column.read(text) {
        Cell::Missing => "missing".into(),
        Cell::Invalid => "invalid".into(),
        Cell::Integer(value) => value.to_string(),
        Cell::Number(value) => format!("{value:?}"),
        Cell::Text(text) => text.into_owned(),
    });
    let values = values.collect();
    (column, values)
}

#[test]
fn types_are_told_apart() {
    for (cells, kind) in [
        (&["1", "-2", "3,000"][..], Kind::Integer),
        (&["1", "2.5"], Kind::Number),
        (&["yes", "no", "YES"], Kind::Boolean),
        (&["2024-01-01", "2024-02-01"], Kind::Date),
        (&["a", "1"], Kind::Text),
        (&["001", "002"], Kind::Text),
        (&["", "", "NA"], Kind::Empty),
        (&["99999999999999999999", "1"], Kind::Text),
        (&["20240101", "20240102"], Kind::Integer),
        (&["NaN", "1.5", "inf"], Kind::Number),
    ] {
        assert_eq!(column(cells).0.kind, kind, "{cells:?}");
    }
}

#[test]
fn words_for_missing_count_only_beside_numbers_and_dates() {
    let (numbers, values) = column(&["1", "NA", "", "3"]);
    assert_eq!((numbers.missing, values.as_slice()), (2, ["1", "missing", "missing", "3"].map(String::from).as_slice()));
    let (texts, values) = column(&["EU", "NA", "", "EU"]);
    assert_eq!((texts.missing, values[1].as_str()), (1, "NA"));
}

#[test]
fn decimal_commas_are_read_and_decide_for_unclear_columns() {
    let table = read("a;b\n1.234;1,5\n2.000;2,25\n".as_bytes()).unwrap();
    let found = columns(&table);
    assert_eq!((found[0].read("1.234").as_number(), found[1].read("1,5").as_number()), (Some(1234.0), Some(1.5)));
    let (dots, _) = column(&["1.234", "2.000"]);
    assert_eq!(dots.read("1.234").as_number(), Some(1.234));
    assert!(dots.notes[0].contains("two ways"));
}

#[test]
fn a_few_bad_cells_do_not_hide_a_number_column() {
    let mut cells = vec!["5"; 39];
    cells.push("oops");
    let (numbers, _) = column(&cells);
    assert_eq!((numbers.kind, numbers.invalid, numbers.invalid_examples), (Kind::Integer, 1, vec!["oops".to_string()]));
    assert_eq!(column(&["5", "oops", "6"]).0.kind, Kind::Text);
}

#[test]
fn the_order_of_day_and_month_is_found_or_reported() {
    let (clear, values) = column(&["03/04/2024", "25/04/2024"]);
    assert_eq!((clear.date.unwrap().format.as_str(), values[0].as_str()), ("DD/MM/YYYY", "2024-04-03"));
    let (clear, values) = column(&["03/04/2024", "04/25/2024"]);
    assert_eq!((clear.date.unwrap().format.as_str(), values[0].as_str()), ("MM/DD/YYYY", "2024-03-04"));
    let (unclear, _) = column(&["03/04/2024", "05/04/2024"]);
    assert!(unclear.date.as_ref().unwrap().ambiguous && unclear.notes[0].contains("swapped"));
    let (monthly, values) = column(&["01/11/2023", "01/12/2023", "01/01/2024", "01/02/2024"]);
    assert_eq!((monthly.date.unwrap().format.as_str(), values[1].as_str()), ("DD/MM/YYYY", "2023-12-01"));
}

#[test]
fn five_formats_in_one_column_are_each_read() {
    let (mixed, values) = column(&["2024-01-31", "31.01.2024", "Jan 31, 2024", "31 January 2024", "2024/01/31"]);
    assert_eq!(mixed.date.unwrap().format, "mixed");
    assert!(values.iter().all(|value| value == "2024-01-31"), "{values:?}");
}
