//! What is wrong with a recipe, beside what can be wrong with every file.

use super::expect::NoPattern;

#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum RecipeProblem {
    #[error("this is another type of file or a later version")]
    Type,
    #[error("`{0}` is named twice")]
    Twice(String),
    #[error("this is empty, too long, or has a byte that no argument has")]
    Argument,
    #[error("this is no plain path from the root, below the folders that a box may have")]
    Folder,
    #[error("the program is not below one of `programs`, nor of `/data`")]
    Program,
    #[error("this is no name of a variable")]
    Variable,
    #[error("{0} is not within {1} and {2}")]
    Limit(String, &'static str, &'static str),
    #[error("`{0}` stands beside `{1}`, and one of them says less")]
    Beside(&'static str, &'static str),
    #[error(transparent)]
    Pattern(#[from] NoPattern),
    #[error("this is no SHA-256")]
    Hash,
    #[error("this is no whole number that can be compared")]
    Whole,
}

impl RecipeProblem {
    /// A stable word for it, as `docs/contracts/recipe.md` lists them.
    pub fn code(&self) -> &'static str {
        match self {
            Self::Type => "type",
            Self::Twice(_) => "twice",
            Self::Argument => "argument",
            Self::Folder => "folder",
            Self::Program => "program",
            Self::Variable => "variable",
            Self::Limit(..) => "limit",
            Self::Beside(..) => "beside",
            Self::Pattern(_) => "pattern",
            Self::Hash => "hash",
            Self::Whole => "whole",
        }
    }

    /// What to do about it.
    pub fn remedy(&self) -> String {
        let fixed = match self {
            Self::Type => "begin the file with `type = \"pulih/recipe/v1\"`; a later version needs a newer program",
            Self::Twice(_) => "leave it in one place",
            Self::Argument => "write 1 to 100 texts, the path of the program first; 4096 bytes each at most",
            Self::Folder => {
                "write a path as `/usr`, `/lib`, `/lib64`, `/bin`, `/sbin`, `/opt/NAME`, `/etc/alternatives`; no `..`, \
                 and nothing where secrets, sockets or the host's own data are"
            }
            Self::Program => "write its whole path, and the folder that it is in into `programs`",
            Self::Variable => "write capital letters, digits and `_`, a letter first",
            Self::Limit(_, least, most) => return format!("write {least} to {most}"),
            Self::Beside(one, _) => return format!("take `{one}` out, or the other"),
            Self::Pattern(_) => "correct the regular expression; look-around and back references are not there",
            Self::Hash => "write 64 digits of `0-9a-f`",
            Self::Whole => "write a whole number, without quotes",
        };
        fixed.to_owned()
    }
}

impl From<NoPattern> for crate::problem::ProblemKind {
    fn from(error: NoPattern) -> Self {
        Self::Recipe(error.into())
    }
}
