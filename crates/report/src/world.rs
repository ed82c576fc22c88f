//! All that a template can see: the other templates, the data, two typefaces. No folder, no network, no clock.

use typst::diag::{FileError, FileResult};
use typst::foundations::{Bytes, Datetime, Duration};
use typst::syntax::{DiagSpan, FileId, RootedPath, Source, VirtualPath, VirtualRoot};
use typst::text::{Font, FontBook};
use typst::utils::LazyHash;
use typst::{Library, LibraryExt, World, WorldExt};

use crate::error::ReportError;
use crate::fonts::FONTS;
use crate::report::Kind;
use crate::templates::{ALL, DATA, VIEW, is_source, main};

pub struct Sealed {
    library: LazyHash<Library>,
    main: FileId,
    /// By path: sources, and what they read.
    files: Vec<(FileId, Content)>,
}

enum Content {
    Source(Source),
    Data(Bytes),
}

fn id(path: &str) -> Result<FileId, ReportError> {
    let path = VirtualPath::new(path).map_err(|error| ReportError::Layout(format!("{path}: {error:?}")))?;
    Ok(RootedPath::new(VirtualRoot::Project, path).intern())
}

impl Sealed {
    /// `data` and `view` are JSON.
    pub fn new(kind: Kind, data: String, view: String) -> Result<Self, ReportError> {
        let mut files = Vec::with_capacity(ALL.len() + 2);
        for (path, text) in ALL {
            let id = id(path)?;
            let content = if is_source(path) {
                Content::Source(Source::new(id, text.to_owned()))
            } else {
                Content::Data(Bytes::from_string(text))
            };
            files.push((id, content));
        }
        files.push((id(DATA)?, Content::Data(Bytes::from_string(data))));
        files.push((id(VIEW)?, Content::Data(Bytes::from_string(view))));
        Ok(Self { library: LazyHash::new(Library::default()), main: id(&main(kind))?, files })
    }

    /// `/look.typ:12`.
    pub fn place(&self, span: DiagSpan) -> Option<String> {
        let id = span.id()?;
        let source = self.source(id).ok()?;
        let line = source.lines().byte_to_line(self.range(span)?.start)? + 1;
        Some(format!("{}:{line}", id.vpath().get_with_slash()))
    }

    fn find(&self, id: FileId) -> FileResult<&Content> {
        let found = self.files.iter().find(|(known, _)| *known == id);
        found.map(|(_, content)| content).ok_or_else(|| FileError::NotFound(id.vpath().get_with_slash().into()))
    }
}

impl World for Sealed {
    fn library(&self) -> &LazyHash<Library> {
        &self.library
    }

    fn book(&self) -> &LazyHash<FontBook> {
        &FONTS.book
    }

    fn main(&self) -> FileId {
        self.main
    }

    fn source(&self, id: FileId) -> FileResult<Source> {
        match self.find(id)? {
            Content::Source(source) => Ok(source.clone()),
            Content::Data(_) => Err(FileError::NotSource),
        }
    }

    fn file(&self, id: FileId) -> FileResult<Bytes> {
        Ok(match self.find(id)? {
            Content::Source(source) => Bytes::from_string(source.clone()),
            Content::Data(bytes) => bytes.clone(),
        })
    }

    fn font(&self, index: usize) -> Option<Font> {
        FONTS.all.get(index).cloned()
    }

    /// A report's dates are in its data.
    fn today(&self, _: Option<Duration>) -> Option<Datetime> {
        None
    }
}
