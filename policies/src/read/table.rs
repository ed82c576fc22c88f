//! Tables of a file while it is read: each knows its path and place, and which keys were asked
//! for, so that what nobody asked for is told. All problems go to one sink.

use std::cell::{Cell, RefCell};
use std::collections::BTreeMap;
use std::str::FromStr;

use toml::de::{DeTable, DeValue};

use super::{Place, forbidden, near};
use crate::fields::join;
use crate::name::Name;
use crate::problem::{MAX_LISTED, Problem, ProblemKind, Refused, Schema};
use crate::quote::short;

pub(crate) struct Sink<'a> {
    schema: Schema,
    text: &'a str,
    problems: RefCell<Vec<(usize, Problem)>>,
    unlisted: Cell<usize>,
    /// Where each field stands whose value was looked at.
    places: RefCell<BTreeMap<String, Place>>,
}

impl<'a> Sink<'a> {
    pub(crate) fn new(schema: Schema, text: &'a str) -> Self {
        Self { schema, text, problems: RefCell::default(), unlisted: Cell::new(0), places: RefCell::default() }
    }

    pub(crate) fn with(self, place: Place, field: &str, kind: ProblemKind) -> Self {
        self.report(place, field, kind);
        self
    }

    pub(crate) fn report(&self, place: Place, field: &str, kind: ProblemKind) {
        if self.is_full() {
            self.unlisted.set(self.unlisted.get() + 1);
        } else {
            let problem = Problem::new(self.text, place.clone(), field, kind);
            self.problems.borrow_mut().push((place.start, problem));
        }
    }

    /// What is reported from now on is only counted.
    pub(crate) fn is_full(&self) -> bool {
        self.problems.borrow().len() >= MAX_LISTED
    }

    /// Whether a key was told already as one that nothing of this kind may have.
    fn is_told(&self, key: &str) -> bool {
        self.schema == Schema::Policy && forbidden::is(key)
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.problems.borrow().is_empty()
    }

    pub(crate) fn place(&self, field: &str) -> Option<Place> {
        self.places.borrow().get(field).cloned()
    }

    pub(crate) fn refused(self, file: &str) -> Refused {
        let schema = self.schema;
        let mut problems = self.problems.into_inner();
        problems.sort_by_key(|(at, _)| *at);
        let problems = problems.into_iter().map(|(_, problem)| problem).collect();
        Refused { schema, file: file.to_owned(), problems, unlisted: self.unlisted.get() }
    }
}

pub(crate) struct Table<'a> {
    pub(crate) sink: &'a Sink<'a>,
    pub(crate) path: String,
    place: Place,
    values: &'a DeTable<'a>,
    known: RefCell<Vec<&'static str>>,
}

impl<'a> Table<'a> {
    pub(crate) fn root(sink: &'a Sink<'a>, values: &'a DeTable<'a>) -> Self {
        Self { sink, path: String::new(), place: 0..0, values, known: RefCell::default() }
    }

    pub(crate) fn report(&self, kind: ProblemKind) {
        self.sink.report(self.place.clone(), &self.path, kind);
    }

    pub(crate) fn entry(&self, key: &'static str) -> Option<Entry<'a>> {
        self.known.borrow_mut().push(key);
        let (_, value) = self.values.iter().find(|(name, _)| name.get_ref() == key)?;
        let field = join(&self.path, key);
        self.sink.places.borrow_mut().insert(field.clone(), value.span());
        Some(Entry { sink: self.sink, field, place: value.span(), value: value.get_ref() })
    }

    /// A field that must be there.
    pub(crate) fn needed(&self, key: &'static str) -> Option<Entry<'a>> {
        let entry = self.entry(key);
        if entry.is_none() {
            self.report(ProblemKind::Missing(key));
        }
        entry
    }

    /// The tables in this one, whose keys are names that the regency chose.
    pub(crate) fn named(&self) -> Vec<(Name, Self)> {
        let mut named = Vec::new();
        for (key, value) in self.values {
            let path = join(&self.path, key.get_ref());
            match key.get_ref().parse::<Name>() {
                Err(error) => self.sink.report(key.span(), &path, ProblemKind::Name(error)),
                Ok(name) => {
                    // Something that is no table and has a forbidden name was told as such.
                    let told = self.sink.is_told(key.get_ref()) && !value.get_ref().is_table();
                    let entry = Entry { sink: self.sink, field: path, place: value.span(), value: value.get_ref() };
                    if let Some(table) = (!told).then(|| entry.table()).flatten() {
                        named.push((name, table));
                    }
                }
            }
        }
        named
    }

    /// All entries, whose keys are free texts.
    pub(crate) fn free(&self) -> Vec<(String, Entry<'a>)> {
        let entry = |(key, value): (&'a toml::Spanned<std::borrow::Cow<'a, str>>, &'a toml::Spanned<DeValue<'a>>)| {
            let name = key.get_ref().to_string();
            let field = join(&self.path, &name);
            (name, Entry { sink: self.sink, field, place: value.span(), value: value.get_ref() })
        };
        self.values.iter().map(entry).collect()
    }

    /// Tells of the keys that nobody asked for.
    pub(crate) fn finish(&self) {
        let known = self.known.borrow();
        for (key, _) in self.values {
            let name = &**key.get_ref();
            if known.contains(&name) || self.sink.is_told(name) {
                continue;
            }
            // Of a file full of such keys no time is spent on those that are only counted.
            let (path, near) = if self.sink.is_full() {
                (String::new(), None)
            } else {
                (join(&self.path, name), near::nearest(name, &known))
            };
            self.sink.report(key.span(), &path, ProblemKind::UnknownField { key: short(name), near });
        }
    }
}

pub(crate) struct Entry<'a> {
    sink: &'a Sink<'a>,
    field: String,
    place: Place,
    value: &'a DeValue<'a>,
}

impl<'a> Entry<'a> {
    pub(crate) fn report(&self, kind: ProblemKind) {
        self.sink.report(self.place.clone(), &self.field, kind);
    }

    fn wrong<T>(&self, expected: &'static str) -> Option<T> {
        let found = match self.value {
            DeValue::String(_) => "a text",
            DeValue::Integer(_) => "a whole number",
            DeValue::Float(_) => "a number with a fraction",
            DeValue::Boolean(_) => "true or false",
            DeValue::Datetime(_) => "a date or time",
            DeValue::Array(_) => "a list",
            DeValue::Table(_) => "a table",
        };
        self.report(ProblemKind::WrongType { expected, found });
        None
    }

    pub(crate) fn text(&self) -> Option<&'a str> {
        self.value.as_str().or_else(|| self.wrong("a text in quotes"))
    }

    pub(crate) fn parse<T: FromStr>(&self) -> Option<T>
    where
        ProblemKind: From<T::Err>,
    {
        self.text()?.parse::<T>().map_err(|error| self.report(error.into())).ok()
    }

    pub(crate) fn number(&self, least: u32, most: u32) -> Option<u32> {
        let Some(digits) = self.value.as_integer() else { return self.wrong("a whole number") };
        let number = i64::from_str_radix(digits.as_str(), digits.radix()).ok();
        let number = number.and_then(|n| u32::try_from(n).ok()).filter(|n| (least..=most).contains(n));
        if number.is_none() {
            self.report(ProblemKind::Number { least, most });
        }
        number
    }

    pub(crate) fn boolean(&self) -> Option<bool> {
        self.value.as_bool().or_else(|| self.wrong("true or false"))
    }

    /// A whole number of either sign; nothing is told of another value.
    pub(crate) fn whole(&self) -> Option<i64> {
        let digits = self.value.as_integer()?;
        i64::from_str_radix(digits.as_str(), digits.radix()).ok()
    }

    /// The entries of a list; `None` if it is no list, or has too few or too many.
    pub(crate) fn list(&self, least: usize, most: usize) -> Option<Vec<Self>> {
        let Some(items) = self.value.as_array() else { return self.wrong("a list in square brackets") };
        if !(least..=most).contains(&items.len()) {
            self.report(ProblemKind::Count { found: items.len(), least, most });
            return None;
        }
        let item = |item: &'a toml::Spanned<DeValue<'a>>| Self {
            sink: self.sink,
            field: self.field.clone(),
            place: item.span(),
            value: item.get_ref(),
        };
        Some(items.iter().map(item).collect())
    }

    pub(crate) fn table(&self) -> Option<Table<'a>> {
        let Some(values) = self.value.as_table() else { return self.wrong("a table") };
        let (path, place) = (self.field.clone(), self.place.clone());
        Some(Table { sink: self.sink, path, place, values, known: RefCell::default() })
    }
}
