//! Profiles against a naive second implementation, and on files that are odd.
use super::*;
use crate::tools::data_read::read;
use proptest::prelude::*;

fn profiled(text: &str) -> Profile {
    profile(&read(text.as_bytes()).unwrap(), "inputs/t.csv", "t")
}

fn close(a: f64, b: f64) -> bool {
    (a - b).abs() <= 1e-9 * a.abs().max(b.abs()).max(1.0)
}

#[test]
fn the_facts_of_a_small_file_are_right() {
    let profile = profiled(
        "id,date,value,same,note\n1,2024-01-01,10,x,\n2,2024-02-01,20,x,a\n3,2024-03-01,30,x,A\n4,2024-04-01,,x,b\n4,2024-04-01,,x,b\n",
    );
    assert_eq!((profile.rows, profile.columns, profile.duplicate_rows), (5, 5, 1));
    assert_eq!((profile.likely_keys.len(), profile.constant_columns.as_slice()), (0, ["same".to_string()].as_slice()));
    let dates = profile.profile[1].dates.as_ref().unwrap();
    assert_eq!((dates.first.as_str(), dates.last.as_str(), dates.granularity), ("2024-01-01", "2024-04-01", "monthly"));
    let value = &profile.profile[2];
    let numbers = value.numbers.as_ref().unwrap();
    assert_eq!((value.missing, numbers.median, numbers.q1, numbers.mean, numbers.stddev), (2, 20.0, 15.0, 20.0, 10.0));
    assert!(profile.profile[4].notes[0].contains("several ways"));
}

#[test]
fn outliers_are_found_with_their_rows() {
    let mut text = String::from("v,w\n");
    (0..40).for_each(|i| text.push_str(&format!("{},{i}\n", 100 + i % 7)));
    text.push_str("900,1\n");
    let profile = profiled(&text);
    let outliers = &profile.profile[0].numbers.as_ref().unwrap().outliers;
    assert_eq!((outliers.count, outliers.farthest[0].row, outliers.farthest[0].value), (1, 41, 900.0));
}

#[test]
fn granularities_are_recognised() {
    let day = |text: &str| NaiveDate::parse_from_str(text, "%Y-%m-%d").unwrap();
    for (days, wanted) in [
        (vec!["2024-01-01"], "single"),
        (vec!["2024-01-01", "2024-02-01", "2024-04-01"], "monthly"),
        (vec!["2024-01-31", "2024-02-29"], "monthly"),
        (vec!["2024-01-01", "2024-04-01", "2024-10-01"], "quarterly"),
        (vec!["2022-01-01", "2023-01-01"], "yearly"),
        (vec!["2024-01-02", "2024-01-09", "2024-01-23"], "weekly"),
        (vec!["2024-01-02", "2024-01-03", "2024-01-05", "2024-01-08"], "daily"),
        (vec!["2024-01-02", "2024-02-13", "2024-05-05"], "irregular"),
    ] {
        assert_eq!(granularity(&days.iter().map(|text| day(text)).collect::<Vec<_>>()), wanted, "{days:?}");
    }
}

#[test]
fn a_file_of_500_columns_says_what_it_left_out_and_fits() {
    let header: Vec<String> = (0..500).map(|i| format!("a rather long column name number {i}")).collect();
    let row: Vec<String> = (0..500).map(|i| format!("{i}.5")).collect();
    let profile = profiled(&format!("{}\n{}\n{}\n", header.join(","), row.join(","), row.join(",")));
    let text = profile.to_json();
    assert!(text.len() <= MAX_RESULT_BYTES && text.contains("of 500 columns are shown"), "{} bytes", text.len());
    assert!(serde_json::from_str::<serde_json::Value>(&text).is_ok());
}

#[test]
fn odd_files_have_odd_but_sound_profiles() {
    let header_only = profiled("a,b\n");
    assert_eq!((header_only.rows, header_only.profile[0].kind), (0, "empty"));
    let missing = profiled("a,b\n,1\n,2\n");
    assert_eq!((missing.profile[0].kind, missing.profile[0].missing), ("empty", 2));
    let infinite = profiled("a,b\ninf,1\n2,NaN\n4,3\n");
    assert_eq!((infinite.profile[0].invalid, infinite.profile[1].missing), (1, 1));
    assert_eq!(infinite.profile[0].numbers.as_ref().map(|numbers| numbers.max), Some(4.0));
    let text = profiled("a,b\n😀,שלום\n😀,مرحبا\n");
    assert_eq!((text.profile[0].top[0].value.as_str(), text.profile[0].top[0].count), ("😀", 2));
    let huge = profiled("a,b\n9223372036854775807,1\n-9223372036854775808,2\n");
    assert_eq!(huge.profile[0].kind, "integer");
}

#[test]
fn large_and_small_numbers_are_summed_without_loss() {
    assert_eq!(exact_sum([1e16, 1.0, -1e16, 1.0].into_iter()), 2.0);
}

proptest! {
    #[test]
    fn statistics_agree_with_a_naive_recomputation(values in proptest::collection::vec(proptest::option::weighted(0.9, -1000i32..1000), 1..120)) {
        let text: String = values.iter().map(|value| format!("{},x\n", value.map(|v| format!("{}", f64::from(v) / 4.0)).unwrap_or_default())).collect();
        let profile = profiled(&format!("v,w\n{text}"));
        let column = &profile.profile[0];
        let mut known: Vec<f64> = values.iter().flatten().map(|v| f64::from(*v) / 4.0).collect();
        known.sort_by(f64::total_cmp);
        prop_assert_eq!(column.missing, values.len() - known.len());
        let Some(numbers) = &column.numbers else { prop_assert!(known.is_empty()); return Ok(()) };
        let n = known.len() as f64;
        let mean = known.iter().sum::<f64>() / n;
        let variance = known.iter().map(|v| (v - mean).powi(2)).sum::<f64>() / (n - 1.0).max(1.0);
        // The quartile by its definition: the value a quarter of the way along the sorted list, in between where needed.
        let quartile = |q: f64| { let p = q * (n - 1.0); let i = p.floor() as usize; let j = p.ceil() as usize; known[i] * (1.0 - (p - p.floor())) + known[j] * (p - p.floor()) };
        prop_assert!(close(numbers.mean, mean) && close(numbers.stddev, variance.sqrt()) && close(numbers.sum, known.iter().sum()));
        prop_assert!(close(numbers.q1, quartile(0.25)) && close(numbers.median, quartile(0.5)) && close(numbers.q3, quartile(0.75)));
        prop_assert_eq!((numbers.min, numbers.max), (known[0], *known.last().unwrap()));
        let mut different = known.clone();
        different.dedup();
        prop_assert_eq!(column.distinct, different.len());
        if known.len() >= 8 && numbers.q3 > numbers.q1 {
            let fence = 1.5 * (quartile(0.75) - quartile(0.25));
            let naive = known.iter().filter(|v| **v < quartile(0.25) - fence || **v > quartile(0.75) + fence).count();
            prop_assert_eq!(numbers.outliers.count, naive);
        }
    }
}
