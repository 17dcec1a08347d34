//! The drawing of a chart as SVG text: title, axes, grid, legend, marks. The same input gives the same bytes; no script, no outside resource.
use std::fmt::Write;

use super::chart::{Kind, thinned};
use super::chart_scale::{Scale, bins, short_value, with_separators};

const WIDTH: f64 = 840.0;
const HEIGHT: f64 = 470.0;
const RIGHT: f64 = 28.0;
/// Okabe and Ito's palette, told apart also by people who do not see red and green; its yellow is too pale for lines and comes last.
const PALETTE: [&str; 8] = ["#0072b2", "#d55e00", "#009e73", "#cc79a7", "#56b4e9", "#e69f00", "#555555", "#b8a800"];
/// Characters of a label on the x axis.
const MAX_LABEL: usize = 24;
const INK: &str = "#1f2933";
const SOFT: &str = "#5f6b76";
const GRID: &str = "#dde2e7";

/// One line of numbers.
#[derive(Debug, Clone, PartialEq)]
pub struct Series {
    pub name: String,
    pub values: Vec<Option<f64>>,
}

/// What is to be drawn.
#[derive(Debug, Clone, PartialEq)]
pub struct Drawing {
    pub kind: Kind,
    pub title: String,
    pub x_name: String,
    pub labels: Vec<String>,
    /// Numbers along x, for scatter and histogram.
    pub x_values: Vec<Option<f64>>,
    pub series: Vec<Series>,
    pub notes: Vec<String>,
}

impl Drawing {
    pub fn new(kind: Kind) -> Self {
        Drawing {
            kind,
            title: String::new(),
            x_name: String::new(),
            labels: Vec::new(),
            x_values: Vec::new(),
            series: Vec::new(),
            notes: Vec::new(),
        }
    }
}

/// The plot area and what is drawn so far.
struct Canvas {
    svg: String,
    left: f64,
    top: f64,
    bottom: f64,
    y: Scale,
}

/// Draws it.
pub fn draw(drawing: &Drawing) -> String {
    let (y, y_name) = y_axis(drawing);
    let widest = y.ticks.iter().map(|tick| text_width(&y.label(*tick), 12.0)).fold(0.0, f64::max);
    let legend = drawing.series.len() > 1 && drawing.kind != Kind::Histogram;
    let slot = (WIDTH - RIGHT - 90.0) / to_f64(drawing.labels.len().max(1));
    let rotated = matches!(drawing.kind, Kind::Bar | Kind::Line) && crowded(drawing, slot);
    let longest = drawing.labels.iter().map(|label| text_width(&cut(label, MAX_LABEL), 12.0)).fold(0.0, f64::max);
    // A label turned by 35 degrees reaches 0.57 of its length down and 0.82 of it to the left.
    let below = if rotated { 50.0 + longest * 0.57 } else { 56.0 };
    let left = (46.0 + widest).max(if rotated { longest * 0.82 - slot / 2.0 + 8.0 } else { 0.0 });
    let mut canvas = Canvas { svg: String::new(), left, top: if legend { 92.0 } else { 80.0 }, bottom: HEIGHT - below, y };
    canvas.frame(drawing, &y_name);
    if legend {
        canvas.legend(drawing);
    }
    match drawing.kind {
        Kind::Bar => canvas.bars(drawing, rotated),
        Kind::Line => canvas.lines(drawing, rotated),
        Kind::Scatter => canvas.points(drawing),
        Kind::Histogram => canvas.histogram(drawing),
    }
    canvas.svg.push_str("</svg>\n");
    canvas.svg
}

fn y_axis(drawing: &Drawing) -> (Scale, String) {
    if drawing.kind == Kind::Histogram {
        let values: Vec<f64> = drawing.x_values.iter().flatten().copied().collect();
        let most = bins(&values).and_then(|(_, counts)| counts.into_iter().max()).unwrap_or(1);
        return (Scale::nice(0.0, to_f64(most.max(4)), 5.0), "rows".to_owned());
    }
    let values = || drawing.series.iter().flat_map(|series| series.values.iter().flatten().copied());
    let (mut low, mut high) = (values().fold(f64::INFINITY, f64::min), values().fold(f64::NEG_INFINITY, f64::max));
    // Bars stand on zero. Lines do too where zero is near, so that a small change does not look like a large one.
    if drawing.kind == Kind::Bar || drawing.kind == Kind::Line && low > 0.0 && low < high * 0.75 {
        (low, high) = (low.min(0.0), high.max(0.0));
    }
    let name = match drawing.series.as_slice() {
        [one] => one.name.clone(),
        _ => String::new(),
    };
    (Scale::nice(low, high, 5.0), name)
}

/// Whether the labels that must all be shown (bars) do not fit side by side.
fn crowded(drawing: &Drawing, slot: f64) -> bool {
    let widest = drawing.labels.iter().map(|label| text_width(&cut(label, MAX_LABEL), 12.0)).fold(0.0, f64::max);
    drawing.kind == Kind::Bar && widest + 8.0 > slot
}

impl Canvas {
    fn right(&self) -> f64 {
        WIDTH - RIGHT
    }

    fn y_at(&self, value: f64) -> f64 {
        self.bottom - self.y.share(value) * (self.bottom - self.top)
    }

    fn text(&mut self, at: (f64, f64), attributes: &str, text: &str) {
        let _ = writeln!(self.svg, r#"<text x="{:.1}" y="{:.1}" {attributes}>{}</text>"#, at.0, at.1, escape(text));
    }

    fn line(&mut self, from: (f64, f64), to: (f64, f64), stroke: &str) {
        let (x1, y1, x2, y2) = (from.0, from.1, to.0, to.1);
        let _ = writeln!(self.svg, r#"<line x1="{x1:.1}" y1="{y1:.1}" x2="{x2:.1}" y2="{y2:.1}" stroke="{stroke}"/>"#);
    }

    /// Opening tag, background, title, value axis with grid, names of the axes.
    fn frame(&mut self, drawing: &Drawing, y_name: &str) {
        let _ = write!(
            self.svg,
            "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {WIDTH} {HEIGHT}\" width=\"{WIDTH}\" height=\"{HEIGHT}\" role=\"img\" \
             aria-labelledby=\"title desc\" font-family=\"system-ui, -apple-system, 'Segoe UI', 'DejaVu Sans', sans-serif\" font-size=\"12\" fill=\"{SOFT}\">\n\
             <!-- No language model was used to draw this picture: every mark is a row of a query over the data. -->\n\
             <title id=\"title\">{}</title>\n<desc id=\"desc\">{}</desc>\n\
             <rect width=\"{WIDTH}\" height=\"{HEIGHT}\" rx=\"8\" fill=\"#ffffff\" stroke=\"{GRID}\"/>\n",
            escape(&drawing.title),
            escape(&description(drawing)),
        );
        self.text((24.0, 36.0), &format!(r#"font-size="18" font-weight="600" fill="{INK}""#), &cut(&drawing.title, 78));
        let ticks: Vec<(f64, String)> = self.y.ticks.iter().map(|tick| (*tick, self.y.label(*tick))).collect();
        for (tick, label) in ticks {
            let y = self.y_at(tick);
            self.line((self.left, y), (self.right(), y), if tick == 0.0 { SOFT } else { GRID });
            self.text((self.left - 8.0, y + 4.0), r#"text-anchor="end""#, &label);
        }
        let top = self.top;
        let middle = (self.left + self.right()) / 2.0;
        self.text((24.0, top - 14.0), "", &cut(y_name, 60));
        self.text((middle, HEIGHT - 14.0), r#"text-anchor="middle""#, &cut(&drawing.x_name, 60));
    }

    fn legend(&mut self, drawing: &Drawing) {
        let mut x = 24.0;
        for (series, color) in drawing.series.iter().zip(PALETTE) {
            let name = cut(&series.name, 20);
            let wide = 30.0 + text_width(&name, 12.0);
            if x + wide > self.right() && x > 24.0 {
                self.text((x, 62.0), "", "…");
                return;
            }
            let _ = writeln!(self.svg, r#"<rect x="{x:.1}" y="52" width="12" height="12" rx="2" fill="{color}"/>"#);
            self.text((x + 17.0, 62.0), &format!(r#"fill="{INK}""#), &name);
            x += wide + 8.0;
        }
    }

    fn bars(&mut self, drawing: &Drawing, rotated: bool) {
        let slot = (self.right() - self.left) / to_f64(drawing.labels.len().max(1));
        let group = (slot * 0.72).min(110.0 * to_f64(drawing.series.len().max(1)));
        let wide = group / to_f64(drawing.series.len().max(1));
        let base = self.y_at(0.0);
        let shows_values = drawing.series.len() * drawing.labels.len() <= 16 && wide >= 30.0;
        for (at, (series, color)) in drawing.series.iter().zip(PALETTE).enumerate() {
            for (row, value) in series.values.iter().enumerate().filter_map(|(row, value)| Some((row, (*value)?))) {
                let x = self.left + slot * (to_f64(row) + 0.5) - group / 2.0 + wide * to_f64(at);
                let y = self.y_at(value);
                let (top, height) = (y.min(base), (y - base).abs());
                let label = drawing.labels.get(row).map_or("", String::as_str);
                let tip = escape(&format!("{label}: {} {}", series.name, plain(value)));
                let width = (wide - 2.0).max(1.0);
                let _ = writeln!(
                    self.svg,
                    r#"<rect x="{x:.1}" y="{top:.1}" width="{width:.1}" height="{height:.1}" rx="2" fill="{color}"><title>{tip}</title></rect>"#
                );
                if shows_values {
                    let label_y = if value < 0.0 { top + height + 14.0 } else { top - 6.0 };
                    self.text((x + wide / 2.0, label_y), &format!(r#"text-anchor="middle" fill="{INK}""#), &short_value(value));
                }
            }
        }
        let room = if rotated { ((self.right() - self.left) / 16.0).floor() } else { to_f64(drawing.labels.len()) };
        self.labels(drawing, slot, (rotated, to_count(room)));
    }

    /// Labels below the plot, centred in slots of `slot` width; only as many as there is room for.
    fn labels(&mut self, drawing: &Drawing, slot: f64, (rotated, room): (bool, usize)) {
        for at in thinned(drawing.labels.len(), room) {
            let Some(label) = drawing.labels.get(at) else { continue };
            let x = self.left + slot * (to_f64(at) + 0.5);
            let y = self.bottom + 18.0;
            if rotated {
                let turn = format!(r#"text-anchor="end" transform="rotate(-35 {x:.1} {y:.1})""#);
                self.text((x, y), &turn, &cut(label, MAX_LABEL));
            } else {
                self.text((x, y), r#"text-anchor="middle""#, &cut(label, MAX_LABEL));
            }
        }
    }

    fn lines(&mut self, drawing: &Drawing, rotated: bool) {
        let count = drawing.labels.len();
        let slot = (self.right() - self.left) / to_f64(count.max(1));
        for (series, color) in drawing.series.iter().zip(PALETTE) {
            let points: Vec<Option<(f64, f64)>> = series
                .values
                .iter()
                .enumerate()
                .map(|(at, value)| value.map(|value| (self.left + slot * (to_f64(at) + 0.5), self.y_at(value))))
                .collect();
            self.path(&points, color);
            if count <= 60 {
                self.dots(drawing, series, (&points, color));
            }
        }
        let widest = drawing.labels.iter().map(|label| text_width(&cut(label, MAX_LABEL), 12.0)).fold(30.0, f64::max);
        self.labels(drawing, slot, (rotated, to_count(((self.right() - self.left) / (widest + 14.0)).floor())));
    }

    /// A line through the points, broken where a value is missing.
    fn path(&mut self, points: &[Option<(f64, f64)>], color: &str) {
        let mut path = String::new();
        let mut pen_down = false;
        for point in points {
            if let Some((x, y)) = point {
                let _ = write!(path, "{}{x:.1} {y:.1} ", if pen_down { "L" } else { "M" });
            }
            pen_down = point.is_some();
        }
        let path = path.trim_end();
        let _ = writeln!(
            self.svg,
            r#"<path d="{path}" fill="none" stroke="{color}" stroke-width="2.25" stroke-linejoin="round" stroke-linecap="round"/>"#
        );
    }

    fn dots(&mut self, drawing: &Drawing, series: &Series, (points, color): (&[Option<(f64, f64)>], &str)) {
        for ((point, value), label) in points.iter().zip(&series.values).zip(&drawing.labels) {
            let (Some((x, y)), Some(value)) = (point, value) else { continue };
            let tip = escape(&format!("{label}: {} {}", series.name, plain(*value)));
            let _ = writeln!(
                self.svg,
                r##"<circle cx="{x:.1}" cy="{y:.1}" r="3.5" fill="{color}" stroke="#ffffff"><title>{tip}</title></circle>"##
            );
        }
    }

    fn points(&mut self, drawing: &Drawing) {
        let values = || drawing.x_values.iter().flatten().copied();
        let scale = Scale::nice(values().fold(f64::INFINITY, f64::min), values().fold(f64::NEG_INFINITY, f64::max), 7.0);
        self.x_axis(&scale);
        for (series, color) in drawing.series.iter().zip(PALETTE) {
            for (x, y) in drawing.x_values.iter().zip(&series.values).filter_map(|(x, y)| Some(((*x)?, (*y)?))) {
                let (at_x, at_y) = (self.x_at(&scale, x), self.y_at(y));
                let _ = writeln!(self.svg, r#"<circle cx="{at_x:.1}" cy="{at_y:.1}" r="3.5" fill="{color}" fill-opacity="0.55"/>"#);
            }
        }
    }

    fn x_at(&self, scale: &Scale, value: f64) -> f64 {
        self.left + scale.share(value) * (self.right() - self.left)
    }

    fn x_axis(&mut self, scale: &Scale) {
        for at in thinned(scale.ticks.len(), 12) {
            let Some(tick) = scale.ticks.get(at) else { continue };
            let x = self.x_at(scale, *tick);
            self.line((x, self.bottom), (x, self.bottom + 5.0), SOFT);
            self.text((x, self.bottom + 19.0), r#"text-anchor="middle""#, &scale.label(*tick));
        }
    }

    fn histogram(&mut self, drawing: &Drawing) {
        let values: Vec<f64> = drawing.x_values.iter().flatten().copied().collect();
        let Some((scale, counts)) = bins(&values) else { return };
        self.x_axis(&scale);
        let base = self.y_at(0.0);
        for (count, ends) in counts.iter().zip(scale.ticks.windows(2)) {
            let [low, high] = ends else { continue };
            let (x, end, y) = (self.x_at(&scale, *low), self.x_at(&scale, *high), self.y_at(to_f64(*count)));
            let tip = escape(&format!("{} to {}: {count} rows", scale.label(*low), scale.label(*high)));
            let color = PALETTE[0];
            let (left, width, height) = (x + 0.5, (end - x - 1.0).max(0.5), base - y);
            let _ = writeln!(
                self.svg,
                r#"<rect x="{left:.1}" y="{y:.1}" width="{width:.1}" height="{height:.1}" fill="{color}"><title>{tip}</title></rect>"#
            );
            if counts.len() <= 20 && *count > 0 {
                self.text(((x + end) / 2.0, y - 5.0), &format!(r#"text-anchor="middle" fill="{INK}""#), &count.to_string());
            }
        }
    }
}

/// One sentence for people who hear the picture.
fn description(drawing: &Drawing) -> String {
    let kind = match drawing.kind {
        Kind::Bar => "Bar chart",
        Kind::Line => "Line chart",
        Kind::Scatter => "Scatter chart",
        Kind::Histogram => return format!("Histogram of {} over {} values.", drawing.x_name, drawing.labels.len()),
    };
    let names: Vec<&str> = drawing.series.iter().map(|series| series.name.as_str()).collect();
    let values = || drawing.series.iter().flat_map(|series| series.values.iter().flatten().copied());
    let (low, high) = (values().fold(f64::INFINITY, f64::min), values().fold(f64::NEG_INFINITY, f64::max));
    format!(
        "{kind} of {} by {}: {} points, from {} to {}.",
        names.join(", "),
        drawing.x_name,
        drawing.labels.len(),
        plain(low),
        plain(high)
    )
}

fn plain(value: f64) -> String {
    if value.abs() >= 1e15 { format!("{value:e}") } else { with_separators(value, if value.fract() == 0.0 { 0 } else { 2 }) }
}

/// Text for XML: its five special characters escaped, control characters and direction overrides left out.
fn escape(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '&' => escaped.push_str("&amp;"),
            '<' => escaped.push_str("&lt;"),
            '>' => escaped.push_str("&gt;"),
            '"' => escaped.push_str("&quot;"),
            '\'' => escaped.push_str("&apos;"),
            '\n' | '\t' | '\r' => escaped.push(' '),
            c if c.is_control() || matches!(c, '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}' | '\u{fffe}' | '\u{ffff}') => {}
            c => escaped.push(c),
        }
    }
    escaped
}

fn cut(text: &str, limit: usize) -> String {
    match text.char_indices().nth(limit) {
        None => text.to_owned(),
        Some(_) => text.chars().take(limit.saturating_sub(1)).chain(['…']).collect(),
    }
}

/// About how wide a text is drawn, in pixels: SVG cannot measure, so wide scripts count double.
fn text_width(text: &str, size: f64) -> f64 {
    text.chars().map(|c| if u32::from(c) > 0x2e80 { 1.05 } else { 0.58 }).sum::<f64>() * size
}

fn to_f64(count: usize) -> f64 {
    f64::from(u32::try_from(count).unwrap_or(u32::MAX))
}

fn to_count(room: f64) -> usize {
    (1..500).take_while(|count| to_f64(*count) <= room).last().unwrap_or(1)
}

#[cfg(test)]
#[path = "chart_svg_tests.rs"]
mod tests;
