//! Findings from small answers, worked out by hand.
use super::*;
use serde_json::json;

fn trend(values: &[(&str, f64)], first: &str, last: &str) -> Trend {
    let answer = Answer {
        columns: vec!["month".into(), "revenue".into()],
        rows: values.iter().map(|(month, value)| vec![json!(month), json!(value)]).collect(),
        ..Answer::default()
    };
    let date = Column { first: first.into(), last: last.into(), granularity: "daily".into(), ..Column::default() };
    Trend::new(&answer, "revenue", (&date, Period::Month))
}

#[test]
fn a_month_cut_off_by_the_data_is_not_compared() {
    let found = trend(&[("2024-01", 10.0), ("2024-02", 30.0), ("2024-03", 20.0), ("2024-04", 1.0)], "2024-01-02", "2024-04-09");
    assert_eq!(found.complete().len(), 3);
    let (best, worst) = found.extremes().unwrap();
    assert_eq!((best.period.as_str(), worst.period.as_str()), ("2024-02", "2024-01"));
}

#[test]
fn a_year_over_year_change_compares_the_same_months() {
    let months: Vec<(String, f64)> = (0..18).map(|i| (format!("{}-{:02}", 2024 + (6 + i) / 12, (6 + i) % 12 + 1), f64::from(i))).collect();
    let months: Vec<(&str, f64)> = months.iter().map(|(month, value)| (month.as_str(), *value)).collect();
    let found = trend(&months, "2024-07-01", "2025-12-31");
    assert_eq!(found.year_over_year(Period::Month), Some((6, 15.0, 87.0)));
    let line = found.line().unwrap();
    assert!((line.slope - 1.0).abs() < 1e-9 && (line.fit - 1.0).abs() < 1e-9 && (line.mean - 8.5).abs() < 1e-9);
}

#[test]
fn months_without_rows_are_named() {
    let found = trend(&[("2024-11", 1.0), ("2025-02", 2.0)], "2024-11-01", "2025-02-28");
    assert_eq!((found.gaps.as_slice(), found.line()), (["2024-12".to_string(), "2025-01".to_string()].as_slice(), None));
}

#[test]
fn correlation_follows_from_the_sums() {
    let relation = |xs: &[f64], ys: &[f64]| {
        let sum = |f: &dyn Fn(f64, f64) -> f64| xs.iter().zip(ys).map(|(x, y)| f(*x, *y)).sum::<f64>();
        let row = vec![
            json!(xs.len()),
            json!(sum(&|x, _| x)),
            json!(sum(&|_, y| y)),
            json!(sum(&|x, y| x * y)),
            json!(sum(&|x, _| x * x)),
            json!(sum(&|_, y| y * y)),
        ];
        correlation(&Answer { columns: ["n", "x", "y", "xy", "xx", "yy"].map(String::from).to_vec(), rows: vec![row], ..Answer::default() })
    };
    assert_eq!(relation(&[1.0, 2.0, 3.0], &[2.0, 4.0, 6.0]), Some((1.0, 3)));
    assert_eq!(relation(&[1.0, 2.0, 3.0], &[5.0, 5.0, 5.0]), None);
    let (r, _) = relation(&[1.0, 2.0, 3.0, 4.0], &[1.0, 3.0, 2.0, 4.0]).unwrap();
    assert!((r - 0.8).abs() < 1e-9);
}

#[test]
fn periods_of_all_lengths_have_the_names_of_the_sql() {
    let day = |text: &str| NaiveDate::parse_from_str(text, "%Y-%m-%d").unwrap();
    for (period, wanted) in [(Period::Week, "2024-05-13"), (Period::Month, "2024-05"), (Period::Quarter, "2024-Q2"), (Period::Year, "2024")]
    {
        assert_eq!(name(start(day("2024-05-19"), period).unwrap(), period), wanted);
    }
    assert_eq!(next(day("2024-12-31"), Period::Month), Some(day("2025-01-01")));
}
