//! Where text stands on the pages of a layout.

use typst::layout::{Frame, FrameItem, Point, Transform};
use typst_layout::PagedDocument;

use super::report;
use crate::{Language, Report, pdf};

/// A run of text on a page, in points from its left upper corner.
#[derive(Debug, Clone)]
pub struct Run {
    pub page: usize,
    pub text: String,
    pub left: f64,
    pub right: f64,
    pub top: f64,
    pub bottom: f64,
    /// Not written from left to right along the page: a mark across it.
    pub turned: bool,
}

pub struct Laid {
    pub runs: Vec<Run>,
    pub pages: usize,
    pub width: f64,
    pub height: f64,
}

fn walk(frame: &Frame, page: usize, at: Transform, runs: &mut Vec<Run>) {
    for (point, item) in frame.items() {
        let here = at.pre_concat(Transform::translate(point.x, point.y));
        match item {
            FrameItem::Group(group) => walk(&group.frame, page, here.pre_concat(group.transform), runs),
            FrameItem::Text(text) => {
                let start = Point::zero().transform(here);
                let end = Point::with_x(text.width()).transform(here);
                let (baseline, size) = (start.y.to_pt(), text.size.to_pt());
                runs.push(Run {
                    page,
                    text: text.text.to_string(),
                    left: start.x.to_pt().min(end.x.to_pt()),
                    right: start.x.to_pt().max(end.x.to_pt()),
                    // The height of small letters: what is above them may touch the line before in a tight table.
                    top: baseline - size * 0.4,
                    bottom: baseline,
                    turned: (start.y - end.y).to_pt().abs() > 0.01,
                });
            }
            FrameItem::Shape(..) | FrameItem::Image(..) | FrameItem::Link(..) | FrameItem::Tag(_) => {}
        }
    }
}

pub fn placed(document: &PagedDocument) -> Laid {
    let mut runs = Vec::new();
    for (page, its) in document.pages().iter().enumerate() {
        walk(&its.frame, page + 1, Transform::identity(), &mut runs);
    }
    let size = document.pages()[0].frame.size();
    Laid { runs, pages: document.pages().len(), width: size.x.to_pt(), height: size.y.to_pt() }
}

pub fn lay_out(data: &(impl Clone + Into<Report>), language: Language) -> Laid {
    placed(&pdf::pages(&report(data), language).unwrap().0)
}

/// Without white space: a page breaks lines where it has to.
pub fn solid(text: &str) -> String {
    text.chars().filter(|c| !c.is_whitespace()).collect()
}

impl Laid {
    /// All that is written, in the order of the pages.
    pub fn text(&self) -> String {
        self.runs.iter().map(|run| solid(&run.text)).collect()
    }

    pub fn text_of(&self, page: usize) -> String {
        self.runs.iter().filter(|run| run.page == page).map(|run| solid(&run.text)).collect()
    }

    pub fn says(&self, text: &str) -> bool {
        self.text().contains(&solid(text))
    }
}

const LEFT_MARGIN: f64 = 76.5;
const RIGHT_MARGIN: f64 = 65.2;
const EDGE: f64 = 15.0;

fn inside(laid: &Laid) {
    for run in laid.runs.iter().filter(|run| !run.turned && !run.text.trim().is_empty()) {
        let within = run.left > LEFT_MARGIN - 0.6
            && run.right < laid.width - RIGHT_MARGIN + 0.6
            && run.top > EDGE
            && run.bottom < laid.height - EDGE;
        assert!(within, "cut off: {run:?}");
    }
}

fn apart(laid: &Laid) {
    for page in 1..=laid.pages {
        let mut runs: Vec<_> =
            laid.runs.iter().filter(|run| run.page == page && !run.turned && !run.text.trim().is_empty()).collect();
        runs.sort_by(|a, b| a.top.total_cmp(&b.top));
        for (i, a) in runs.iter().enumerate() {
            for b in runs[i + 1..].iter().take_while(|b| b.top < a.bottom - 0.8) {
                let overlap = a.right.min(b.right) - a.left.max(b.left);
                assert!(overlap < 0.8, "one over the other by {overlap}: {a:?} and {b:?}");
            }
        }
    }
}

/// Nothing is cut off, and nothing stands over anything else.
pub fn is_sound(data: &(impl Clone + Into<Report>), language: Language) -> Laid {
    let laid = lay_out(data, language);
    inside(&laid);
    apart(&laid);
    laid
}
