//! Tests of reading tables from samples: delimiters, kinds, decimal marks, dates.
use super::*;
use crate::llm::offline::results::Place;

fn table(text: &str) -> Table {
    let lines = text.lines().enumerate().map(|(index, line)| (index + 1, line.to_owned())).collect();
    read(&Document { path: "inputs/a.csv".into(), place: Place::Workspace, lines, more_from: None, total: None }).unwrap()
}

fn kinds(text: &str) -> Vec<Kind> {
    table(text).columns.into_iter().map(|column| column.kind).collect()
}

#[test]
fn kinds_are_told_from_the_cells() {
    let text = "order_id,date,region,revenue,note\n1,2024-01-05,North,\"1,200.50\",first of many words here that differ\n2,2024-01-06,South,80,second\n3,2024-02-01,North,,third\n";
    assert_eq!(kinds(text), [Kind::Key, Kind::Date, Kind::Category, Kind::Number, Kind::Category]);
    assert_eq!(table(text).columns[3].missing, 1);
}

#[test]
fn semicolons_with_decimal_commas_are_read() {
    let table = table("Datum;Umsatz;Stadt\n05.01.2024;1.234,50;Köln\n17.02.2024;80,00;München\n");
    assert!(table.decimal_comma);
    assert_eq!((table.delimiter, table.formats()), (';', vec!["%d.%m.%Y"]));
    assert_eq!(table.total(Some("Umsatz"), &table.rows), 1314.5);
}

#[test]
fn thousands_are_no_decimals() {
    let table = table("a,b\nx,\"1,234\"\ny,\"2,000\"\nz,0.5\n");
    assert!(!table.decimal_comma);
    assert_eq!(table.total(Some("b"), &table.rows), 3234.5);
}

#[test]
fn day_and_month_that_could_be_either_are_marked() {
    let either = table("d,v\n01/02/2024,1\n03/04/2024,2\n");
    assert!(either.ambiguous_dates);
    assert_eq!(either.formats().first(), Some(&"%m/%d/%Y"));
    let clear = table("d,v\n01/02/2024,1\n23/04/2024,2\n");
    assert_eq!((clear.ambiguous_dates, clear.formats()), (false, vec!["%d/%m/%Y"]));
}

#[test]
fn odd_headers_get_names_and_rows_get_a_width() {
    let table = table("a,,a\n1,2\n3,4,5,6\n");
    assert_eq!(table.columns.iter().map(|column| column.name.as_str()).collect::<Vec<_>>(), ["a", "column 2", "a (2)"]);
    assert!(table.rows.iter().all(|row| row.len() == 3));
}

#[test]
fn json_lists_are_tables() {
    let table = table(r#"{"items":[{"day":"2024-01","n":3},{"day":"2024-02","n":4.5,"x":null}]}"#);
    assert!(table.is_json);
    assert_eq!(table.total(Some("n"), &table.rows), 7.5);
    assert_eq!(table.formats(), ["%Y-%m"]);
}

#[test]
fn numbers_wear_currencies_and_signs() {
    for (cell, comma, expected) in [
        ("€ 5", false, Some(5.0)),
        ("(3)", false, Some(-3.0)),
        ("USD12", false, Some(12.0)),
        ("\u{2212}7", false, Some(-7.0)),
        ("inf", false, None),
        ("12 %", true, Some(12.0)),
        ("abc", false, None),
        ("N/A", false, None),
    ] {
        assert_eq!(number(cell, comma), expected, "{cell}");
    }
}

#[test]
fn a_text_is_no_table() {
    let document = Document {
        path: "a.csv".into(),
        place: Place::Workspace,
        lines: BTreeMap::from([(1, "just one line".into())]),
        more_from: None,
        total: None,
    };
    assert_eq!(read(&document), None);
}
