//! Drawings are well-formed, the same each time, and hold whatever the data holds.
use super::*;
use proptest::prelude::*;

fn drawing(kind: Kind, labels: &[&str], values: &[Option<f64>]) -> Drawing {
    Drawing {
        title: "A <title> & \"more\"".into(),
        x_name: "x".into(),
        labels: labels.iter().map(|label| (*label).to_owned()).collect(),
        x_values: values.to_vec(),
        series: vec![Series { name: "value".into(), values: values.to_vec() }],
        ..Drawing::new(kind)
    }
}

/// Checks what a strict XML reader would: tags close in order, no bare `&` or `<`.
fn assert_well_formed(svg: &str) {
    let mut open = Vec::new();
    let mut rest = svg;
    while let Some(at) = rest.find('<') {
        assert!(!rest[..at].contains('>'), "stray > in {}", &rest[..at]);
        let end = if rest[at..].starts_with("<!--") { rest.find("-->").unwrap() + 2 } else { at + rest[at..].find('>').unwrap() };
        let tag = &rest[at + 1..end];
        if let Some(name) = tag.strip_prefix('/') {
            assert_eq!(open.pop(), Some(name.to_owned()));
        } else if !tag.ends_with('/') && !tag.starts_with('!') {
            open.push(tag.split_whitespace().next().unwrap().to_owned());
        }
        rest = &rest[end + 1..];
    }
    assert!(open.is_empty(), "{open:?}");
    for part in svg.split('&').skip(1) {
        assert!(["amp;", "lt;", "gt;", "quot;", "apos;"].iter().any(|entity| part.starts_with(entity)), "{part}");
    }
    assert!(!svg.contains("NaN") && !svg.contains("inf"), "{svg}");
}

#[test]
fn every_kind_draws_its_marks_and_escapes_texts() {
    for (kind, mark, count) in [(Kind::Bar, "<rect", 4), (Kind::Line, "<circle", 3), (Kind::Scatter, "<circle", 3)] {
        let svg = draw(&drawing(kind, &["a<b", "c", "d"], &[Some(1.0), Some(-2.5), Some(4.0)]));
        assert_well_formed(&svg);
        assert_eq!(svg.matches(mark).count(), count, "{kind:?}");
        assert!(svg.contains("A &lt;title&gt; &amp;") && svg.contains("role=\"img\"") && svg.contains("<desc"));
        assert_eq!(svg, draw(&drawing(kind, &["a<b", "c", "d"], &[Some(1.0), Some(-2.5), Some(4.0)])));
    }
}

#[test]
fn a_missing_value_breaks_the_line_and_has_no_bar() {
    let values = [Some(1.0), None, Some(2.0), Some(3.0)];
    let svg = draw(&drawing(Kind::Line, &["a", "b", "c", "d"], &values));
    assert_eq!((svg.matches("M").count(), svg.matches("<circle").count()), (2, 3), "{svg}");
    assert_eq!(draw(&drawing(Kind::Bar, &["a", "b", "c", "d"], &values)).matches("<rect").count(), 4);
}

#[test]
fn one_point_and_all_zero_are_drawn() {
    for values in [&[Some(5.0)][..], &[Some(0.0)], &[Some(-3.0)], &[Some(1e-12)], &[Some(1e300)]] {
        for kind in [Kind::Bar, Kind::Line, Kind::Scatter, Kind::Histogram] {
            assert_well_formed(&draw(&drawing(kind, &["only"], values)));
        }
    }
}

#[test]
fn many_dates_are_thinned_and_long_labels_turned() {
    let labels: Vec<String> = (0..90).map(|i| format!("2024-{:02}", i)).collect();
    let labels: Vec<&str> = labels.iter().map(String::as_str).collect();
    let svg = draw(&drawing(Kind::Line, &labels, &vec![Some(1.0); 90]));
    assert!(svg.matches("text-anchor=\"middle\"").count() < 20);
    let svg = draw(&drawing(Kind::Bar, &["a very long label of a category"; 10], &[Some(2.0); 10]));
    assert!(svg.contains("rotate(-35") && svg.contains("a very long label of a …"));
}

proptest! {
    #[test]
    fn nothing_makes_the_drawing_fail(values in proptest::collection::vec(proptest::option::of(proptest::num::f64::NORMAL), 1..40), name in "\\PC{0,30}") {
        for kind in [Kind::Bar, Kind::Line, Kind::Scatter, Kind::Histogram] {
            let labels: Vec<&str> = values.iter().map(|_| name.as_str()).collect();
            let mut drawing = drawing(kind, &labels, &values);
            drawing.title = name.clone();
            assert_well_formed(&draw(&drawing).replace("inf", "i").replace("NaN", if name.contains("NaN") { "" } else { "NaN" }));
        }
    }
}
