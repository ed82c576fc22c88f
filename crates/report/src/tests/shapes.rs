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

type Of<T> = fn() -> T;

/// In the order of the shapes.
fn shaped<T: Into<Report>>(shape: Shape, of: (Of<T>, Of<T>, Of<T>, fn(&mut Harm) -> T, Of<T>)) -> Report {
    match shape {
        Shape::Small => of.0(),
        Shape::Large => of.1(),
        Shape::Empty => of.2(),
        Shape::Hostile => of.3(&mut Harm::default()),
        Shape::Vast => of.4(),
    }
    .into()
}

pub fn made(kind: Kind, shape: Shape) -> Report {
    match kind {
        Kind::Continuity => {
            let hostile = |_: &mut Harm| hostile::hostile();
            shaped(shape, (example::small, crowded::large, example::empty, hostile, crowded::vast))
        }
        Kind::Bandwidth => {
            shaped(shape, (bandwidth::small, bandwidth::large, bandwidth::empty, bandwidth::hostile, bandwidth::vast))
        }
        Kind::Coverage => {
            shaped(shape, (coverage::small, coverage::large, coverage::empty, coverage::hostile, coverage::vast))
        }
        Kind::Evaluation => shaped(
            shape,
            (evaluation::small, evaluation::large, evaluation::empty, evaluation::hostile, evaluation::vast),
        ),
        Kind::Monthly => {
            shaped(shape, (monthly::small, monthly::large, monthly::empty, monthly::hostile, monthly::vast))
        }
        Kind::Budget => shaped(shape, (budget::small, budget::large, budget::empty, budget::hostile, budget::vast)),
    }
}
