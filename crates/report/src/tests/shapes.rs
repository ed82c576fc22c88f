//! A report of each kind in each shape that data can have.

use super::hostile::Harm;
use super::{Kind, Report, bandwidth, budget, coverage, crowded, evaluation, example, hostile, monthly};

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Shape {
    /// As it might be.
    Small,
    /// Hundreds of rows, and long names.
    Large,
    /// Nothing is known.
    Empty,
    /// Texts that mean harm.
    Hostile,
    /// The largest figures.
    Vast,
}

impl Shape {
    pub const ALL: [(Self, &'static str); 5] = [
        (Self::Small, "small"),
        (Self::Large, "large"),
        (Self::Empty, "empty"),
        (Self::Hostile, "hostile"),
        (Self::Vast, "vast"),
    ];
}

struct Of<T> {
    small: fn() -> T,
    large: fn() -> T,
    empty: fn() -> T,
    hostile: fn(&mut Harm) -> T,
    vast: fn() -> T,
}

impl<T: Into<Report>> Of<T> {
    fn made(&self, shape: Shape) -> Report {
        match shape {
            Shape::Small => (self.small)(),
            Shape::Large => (self.large)(),
            Shape::Empty => (self.empty)(),
            Shape::Hostile => (self.hostile)(&mut Harm::default()),
            Shape::Vast => (self.vast)(),
        }
        .into()
    }
}

pub fn made(kind: Kind, shape: Shape) -> Report {
    match kind {
        Kind::Continuity => {
            let hostile = |_: &mut Harm| hostile::hostile();
            let (small, large, empty, vast) = (example::small, crowded::large, example::empty, crowded::vast);
            Of { small, large, empty, hostile, vast }.made(shape)
        }
        Kind::Bandwidth => {
            use bandwidth::{empty, hostile, large, small, vast};
            Of { small, large, empty, hostile, vast }.made(shape)
        }
        Kind::Coverage => {
            use coverage::{empty, hostile, large, small, vast};
            Of { small, large, empty, hostile, vast }.made(shape)
        }
        Kind::Evaluation => {
            use evaluation::{empty, hostile, large, small, vast};
            Of { small, large, empty, hostile, vast }.made(shape)
        }
        Kind::Monthly => {
            use monthly::{empty, hostile, large, small, vast};
            Of { small, large, empty, hostile, vast }.made(shape)
        }
        Kind::Budget => {
            use budget::{empty, hostile, large, small, vast};
            Of { small, large, empty, hostile, vast }.made(shape)
        }
    }
}
