//! Cells as people write them.
use super::*;

fn value(text: &str, mark: Mark) -> Option<f64> {
    number(text, mark).map(|number| number.value)
}

#[test]
fn numbers_are_read_under_the_right_mark_only() {
    for (text, dot, comma) in [
        ("12", Some(12.0), Some(12.0)),
        ("-3.5", Some(-3.5), None),
        ("1,5", None, Some(1.5)),
        ("1,234.50", Some(1234.5), None),
        ("1.234,50", None, Some(1234.5)),
        ("1,234", Some(1234.0), Some(1.234)),
        ("1 234 567", Some(1_234_567.0), Some(1_234_567.0)),
        ("1'234.5", Some(1234.5), None),
        ("$1,200", Some(1200.0), Some(1.2)),
        ("-€ 12.00", Some(-12.0), None),
        ("12,5 %", None, Some(12.5)),
        ("(1,000.25)", Some(-1000.25), None),
        ("\u{2212}7", Some(-7.0), Some(-7.0)),
        ("1e3", Some(1000.0), Some(1000.0)),
        (".5", Some(0.5), None),
        ("0", Some(0.0), Some(0.0)),
        ("0.125", Some(0.125), None),
        ("+4", Some(4.0), Some(4.0)),
    ] {
        assert_eq!((value(text, Mark::Dot), value(text, Mark::Comma)), (dot, comma), "{text}");
    }
}

#[test]
fn identifiers_and_noise_are_no_numbers() {
    for text in
        ["007", "99999999999999999999", "1,23,456", "12-4", "1.2.3", "e5", "1e", "", "-", "abc", "1e999", "12px", "٣", "1,,2", "--5"]
    {
        assert!(value(text, Mark::Dot).is_none(), "{text}");
    }
}

#[test]
fn dates_are_read_in_their_orders() {
    for (text, order, iso) in [
        ("2024-02-29", Order::YearMonthDay, "2024-02-29"),
        ("2024/1/5", Order::YearMonthDay, "2024-01-05"),
        ("31.12.2024", Order::DayMonthYear, "2024-12-31"),
        ("12/31/24", Order::MonthDayYear, "2024-12-31"),
        ("31 Jan 2024", Order::DayNameYear, "2024-01-31"),
        ("March 3, 1999", Order::NameDayYear, "1999-03-03"),
        ("2024-07", Order::YearMonth, "2024-07-01"),
        ("Sept 2024", Order::NameYear, "2024-09-01"),
        ("07/2024", Order::MonthYear, "2024-07-01"),
        ("20240131", Order::Compact, "2024-01-31"),
        ("2024-01-31T23:59:58.9Z", Order::YearMonthDay, "2024-01-31 23:59:58"),
        ("2024-01-31 07:05+02:00", Order::YearMonthDay, "2024-01-31 07:05:00"),
        ("1/31/2024 12:05 AM", Order::MonthDayYear, "2024-01-31 00:05:00"),
    ] {
        let reading = date(text).unwrap_or_else(|| panic!("{text} is a date"));
        assert_eq!((reading.first.0, reading.first.1.iso().as_str(), reading.other), (order, iso, None), "{text}");
    }
}

#[test]
fn a_swappable_date_has_both_readings() {
    let reading = date("03/04/2024").unwrap();
    assert_eq!(reading.under(Order::DayMonthYear).unwrap().iso(), "2024-04-03");
    assert_eq!(reading.under(Order::MonthDayYear).unwrap().iso(), "2024-03-04");
}

#[test]
fn what_is_no_date_is_none() {
    for text in [
        "2023-02-29",
        "12.5",
        "1.2.3",
        "192.168.1.10",
        "2024.5",
        "10:30",
        "hello world",
        "31/31/2024",
        "2024-01-01 25:00",
        "99999999",
        "Mai 2024",
    ] {
        assert!(date(text).is_none(), "{text}: {:?}", date(text));
    }
}

proptest::proptest! {
    #[test]
    fn no_text_makes_the_readers_panic(text in "\\PC{0,45}") {
        let _ = (number(&text, Mark::Dot), number(&text, Mark::Comma), date(&text), is_infinite(&text), is_missing_word(&text));
    }

    #[test]
    fn what_is_written_is_read_back(value in -1.0e12f64..1.0e12) {
        proptest::prop_assert_eq!(number(&format!("{value}"), Mark::Dot).map(|n| n.value), Some(value));
        proptest::prop_assert_eq!(number(&format!("{value}").replace('.', ","), Mark::Comma).map(|n| n.value), Some(value));
    }
}
