//! Bars on a logarithmic scale, as SVG.

use std::fmt::Write as _;

/// One bar.
#[derive(Clone, Debug)]
pub(crate) struct Bar {
    pub(crate) label: String,
    pub(crate) value: f64,
    /// Which of [`COLOURS`].
    pub(crate) colour: usize,
}

/// Grey for what is a floor or empty, then one for each way.
const COLOURS: [&str; 5] = ["#8a8f98", "#1b7f5c", "#c78a12", "#b5443c", "#3f6fb5"];

const LABELS: f64 = 250.0;
const WIDTH: f64 = 900.0;
const VALUES: f64 = 90.0;
const ROW: f64 = 22.0;
const TOP: f64 = 56.0;

/// Draws bars, one below the other, with their values. What is 0 or less has no bar.
pub(crate) fn bars(title: &str, unit: &str, bars: &[Bar]) -> String {
    let positive = || {
        bars.iter()
            .map(|bar| bar.value)
            .filter(|value| *value > 0.0)
    };
    let low = positive().fold(f64::INFINITY, f64::min).log10().floor();
    let high = positive().fold(0.0, f64::max).log10().ceil();
    let (low, high) = if low < high { (low, high) } else { (0.0, 1.0) };
    let room = WIDTH - LABELS - VALUES;
    let x = |value: f64| LABELS + room * (value.log10() - low) / (high - low);
    #[expect(clippy::cast_precision_loss, reason = "a plot has few bars")]
    let height = TOP + ROW * bars.len() as f64 + 12.0;
    let mut svg = format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {WIDTH} {height}\" \
         font-family=\"sans-serif\" font-size=\"13\">\n\
         <rect width=\"100%\" height=\"100%\" fill=\"#ffffff\"/>\n\
         <text x=\"10\" y=\"20\" font-size=\"15\" font-weight=\"bold\">{}</text>\n",
        escaped(title)
    );
    // Writing to a string cannot fail.
    let mut shown_unit = format!(" {}", escaped(unit));
    let mut power = low;
    while power <= high {
        let at = x(10f64.powf(power));
        let _ = writeln!(
            svg,
            "<line x1=\"{at:.1}\" y1=\"{TOP}\" x2=\"{at:.1}\" y2=\"{height}\" stroke=\"#dddddd\"/>\
             <text x=\"{at:.1}\" y=\"{:.1}\" text-anchor=\"middle\" fill=\"#666666\">{}{}</text>",
            TOP - 8.0,
            10f64.powf(power),
            std::mem::take(&mut shown_unit),
        );
        power += 1.0;
    }
    let mut y = TOP;
    for bar in bars {
        let end = if bar.value > 0.0 {
            x(bar.value)
        } else {
            LABELS
        };
        let _ = writeln!(
            svg,
            "<text x=\"{:.1}\" y=\"{:.1}\" text-anchor=\"end\">{}</text>\
             <rect x=\"{LABELS}\" y=\"{:.1}\" width=\"{:.1}\" height=\"{:.1}\" fill=\"{}\"/>\
             <text x=\"{:.1}\" y=\"{:.1}\">{}</text>",
            LABELS - 8.0,
            y + 15.0,
            escaped(&bar.label),
            y + 3.0,
            (end - LABELS).max(0.0),
            ROW - 6.0,
            COLOURS[bar.colour % COLOURS.len()],
            end + 6.0,
            y + 15.0,
            shown(bar.value),
        );
        y += ROW;
    }
    svg += "</svg>\n";
    svg
}

fn shown(value: f64) -> String {
    if value < 100.0 {
        format!("{value:.1}")
    } else {
        format!("{value:.0}")
    }
}

fn escaped(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn bar(label: &str, value: f64) -> Bar {
        Bar {
            label: label.into(),
            value,
            colour: 1,
        }
    }

    #[test]
    fn a_tenfold_value_is_a_decade_further() {
        let svg = bars("a < b", "ns", &[bar("one", 10.0), bar("other", 100.0)]);
        assert!(svg.contains("a &lt; b"));
        let room = WIDTH - LABELS - VALUES;
        assert!(svg.contains(&format!("width=\"{room:.1}\"")), "{svg}");
        assert_eq!(svg.matches("<rect x").count(), 2);
        assert!(svg.trim_end().ends_with("</svg>"));
    }

    #[test]
    fn nothing_to_draw_is_drawn_too() {
        for values in [&[][..], &[bar("none", 0.0)], &[bar("same", 10.0)]] {
            let svg = bars("empty", "ns", values);
            assert!(!svg.contains("NaN") && !svg.contains("inf"), "{svg}");
        }
    }
}
