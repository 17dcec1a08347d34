//! Axes: nice ticks, number labels, bins. Knows no picture and no data file.

/// An axis from the first to the last of evenly spaced round ticks.
#[derive(Debug, Clone, PartialEq)]
pub struct Scale {
    pub low: f64,
    pub high: f64,
    pub ticks: Vec<f64>,
    decimals: usize,
}

impl Scale {
    /// Round ticks, about `count` of them, that cover `low` to `high`; equal or reversed ends are spread a little.
    pub fn nice(low: f64, high: f64, count: f64) -> Scale {
        let (low, high) = if low <= high { (low, high) } else { (high, low) };
        // Beyond this the arithmetic of ticks itself overflows.
        let (low, high) = (low.clamp(-1e300, 1e300), high.clamp(-1e300, 1e300));
        let (low, high) = match high - low {
            spread if spread > 0.0 && spread > high.abs().max(low.abs()) * 1e-12 => (low, high),
            _ if high == 0.0 => (0.0, 1.0),
            _ => (low - low.abs() * 0.1, high + high.abs() * 0.1),
        };
        let step = round_step((high - low) / count.max(1.0));
        let first = (low / step).floor();
        let last = (high / step).ceil();
        let mut ticks = Vec::new();
        let mut at = first;
        while at <= last && ticks.len() < 50 {
            // Multiplying, not adding, keeps ticks like 0.3 from drifting.
            ticks.push(at * step);
            at += 1.0;
        }
        let decimals = (0..12).find(|places| is_whole(step * 10f64.powi(*places))).unwrap_or(12);
        Scale { low: first * step, high: last * step, ticks, decimals: usize::try_from(decimals).unwrap_or(0) }
    }

    /// Where `value` lies between the ends, 0 to 1.
    pub fn share(&self, value: f64) -> f64 {
        ((value - self.low) / (self.high - self.low)).clamp(0.0, 1.0)
    }

    /// The text of a tick: all ticks of an axis have the same decimals and the same size suffix.
    pub fn label(&self, value: f64) -> String {
        let size = self.low.abs().max(self.high.abs());
        let (divisor, suffix) = match size {
            size if size >= 1e15 => return format!("{value:.1e}"),
            size if size >= 1e10 => (1e9, "B"),
            size if size >= 1e7 => (1e6, "M"),
            size if size >= 2e4 => (1e3, "k"),
            _ => return with_separators(value, self.decimals),
        };
        let step = self.ticks.get(1).zip(self.ticks.first()).map_or(divisor, |(b, a)| (b - a) / divisor);
        let decimals = (0..4).find(|places| is_whole(step * 10f64.powi(*places))).unwrap_or(3);
        let text = with_separators(value / divisor, usize::try_from(decimals).unwrap_or(0));
        if value == 0.0 { "0".to_owned() } else { format!("{text}{suffix}") }
    }
}

fn is_whole(value: f64) -> bool {
    (value - value.round()).abs() < 1e-6 * value.abs().max(1e-9)
}

/// 1, 2, 2.5 or 5 times a power of ten, not below `raw`.
fn round_step(raw: f64) -> f64 {
    let power = 10f64.powf(raw.abs().max(1e-290).log10().floor());
    let fraction = raw / power;
    let nice = [1.0, 2.0, 2.5, 5.0, 10.0].into_iter().find(|nice| fraction <= nice + 1e-9).unwrap_or(10.0);
    nice * power
}

/// `-1,234.50`.
pub fn with_separators(value: f64, decimals: usize) -> String {
    let text = format!("{:.decimals$}", value.abs());
    let (whole, fraction) = text.split_once('.').unwrap_or((&text, ""));
    let mut grouped = String::new();
    for (at, digit) in whole.chars().enumerate() {
        if at > 0 && (whole.len() - at).is_multiple_of(3) {
            grouped.push(',');
        }
        grouped.push(digit);
    }
    let is_zero = text.chars().all(|c| matches!(c, '0' | '.'));
    let minus = if value < 0.0 && !is_zero { "−" } else { "" };
    if fraction.is_empty() { format!("{minus}{grouped}") } else { format!("{minus}{grouped}.{fraction}") }
}

/// A value written beside its bar: three to four significant digits.
pub fn short_value(value: f64) -> String {
    match value.abs() {
        size if size >= 1e15 => format!("{value:.2e}"),
        size if size >= 1e9 => format!("{}B", with_separators(value / 1e9, 2)),
        size if size >= 1e6 => format!("{}M", with_separators(value / 1e6, 2)),
        size if size >= 1e4 => format!("{}k", with_separators(value / 1e3, 1)),
        size if size >= 100.0 || value.fract() == 0.0 => with_separators(value, 0),
        size if size >= 1.0 => with_separators(value, 2),
        _ => with_separators(value, 3),
    }
}

/// Bins of equal round width over the values, each with its lower end and count; `None` without values.
pub fn bins(values: &[f64]) -> Option<(Scale, Vec<usize>)> {
    let low = values.iter().copied().min_by(f64::total_cmp)?;
    let high = values.iter().copied().max_by(f64::total_cmp)?;
    // Sturges' rule: enough bins for the shape, not so many that it dissolves.
    let wanted = f64::from(u32::try_from(values.len()).unwrap_or(u32::MAX)).log2().ceil() + 1.0;
    let scale = Scale::nice(low, high, wanted.clamp(4.0, 24.0));
    let mut counts = vec![0usize; scale.ticks.len().saturating_sub(1).max(1)];
    for value in values {
        let place = scale.ticks.iter().skip(1).position(|tick| value < tick).unwrap_or(counts.len() - 1);
        if let Some(count) = counts.get_mut(place) {
            *count += 1;
        }
    }
    Some((scale, counts))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ticks_are_round_and_cover_the_values() {
        assert_eq!(Scale::nice(0.0, 97.0, 5.0).ticks, [0.0, 20.0, 40.0, 60.0, 80.0, 100.0]);
        assert_eq!(Scale::nice(-3.0, 12.0, 5.0).ticks, [-5.0, 0.0, 5.0, 10.0, 15.0]);
        let fine = Scale::nice(0.1, 0.32, 5.0);
        assert_eq!(fine.ticks.iter().map(|tick| fine.label(*tick)).collect::<Vec<_>>(), ["0.10", "0.15", "0.20", "0.25", "0.30", "0.35"]);
        assert!((Scale::nice(5.0, 5.0, 5.0).share(5.0) - 0.5).abs() < 1e-9);
    }

    #[test]
    fn labels_are_short_and_agree() {
        let scale = Scale::nice(0.0, 150_000.0, 5.0);
        assert_eq!(scale.ticks.iter().map(|tick| scale.label(*tick)).collect::<Vec<_>>(), ["0", "50k", "100k", "150k"]);
        assert_eq!((with_separators(-1_234_567.891, 2).as_str(), with_separators(-0.001, 1).as_str()), ("−1,234,567.89", "0.0"));
        assert_eq!((short_value(12_345.0).as_str(), short_value(7.0).as_str(), short_value(0.1234).as_str()), ("12.3k", "7", "0.123"));
    }

    #[test]
    fn every_value_falls_into_one_bin() {
        let values: Vec<f64> = (0..100).map(|i| f64::from(i * i)).collect();
        let (scale, counts) = bins(&values).unwrap();
        assert_eq!((counts.iter().sum::<usize>(), counts.len() + 1), (100, scale.ticks.len()));
        assert_eq!(bins(&[3.0]).unwrap().1.iter().sum::<usize>(), 1);
        assert!(bins(&[]).is_none());
    }

    proptest::proptest! {
        #[test]
        fn no_ends_make_a_scale_fail(low in proptest::num::f64::NORMAL, high in proptest::num::f64::NORMAL) {
            let scale = Scale::nice(low, high, 5.0);
            proptest::prop_assert!(scale.ticks.len() >= 2 && scale.low < scale.high, "{:?}", scale);
            proptest::prop_assert!((0.0..=1.0).contains(&scale.share(low)));
        }
    }
}
