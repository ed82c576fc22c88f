//! A policy as a flat list of what it says, field by field. The canonical form, its hash and the
//! comparison of two versions are all made from this one list, so none of them can miss a field
//! that another has.

use std::collections::BTreeMap;
use std::fmt;

use serde::Serialize;

use crate::class::Class;
use crate::copies::{Copies, Recovery};
use crate::decision::{Meaning, Word};
use crate::drills::{Drills, Wipe};
use crate::exclude::Pattern;
use crate::name::Name;
use crate::policy::{Band, Limits, Overrides, Policy};
use crate::quantity::{Size, Span};
use crate::schedule::Schedule;

/// Where in a policy something is said.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub enum Scope {
    Policy,
    Class(Class),
    Office(Name),
    Dataset(Name, Name),
    /// Of a recovery plan.
    PlanDrill(Name),
    Decision(Word),
}

#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Field {
    pub scope: Scope,
    /// Within its scope: `keep.daily`.
    pub name: &'static str,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Value {
    Text(String),
    Number(u32),
    Span(Span),
    Size(Size),
    Texts(Vec<String>),
    Bands(Vec<Band>),
}

impl Field {
    fn segments(&self) -> Vec<&str> {
        let mut segments = match &self.scope {
            Scope::Policy => vec![],
            Scope::Class(class) => vec!["class", class.as_str()],
            Scope::Office(office) => vec!["opd", office.as_str()],
            Scope::Dataset(office, dataset) => vec!["opd", office.as_str(), "dataset", dataset.as_str()],
            Scope::PlanDrill(plan) => vec!["plan-drills", plan.as_str()],
            Scope::Decision(word) => vec!["decisions", word.as_str()],
        };
        segments.extend(self.name.split('.'));
        segments
    }
}

/// A dotted path as it would be written in the file: a name that has a dot is quoted.
pub(crate) fn join(path: &str, key: &str) -> String {
    let bare = !key.is_empty() && key.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'_' | b'-'));
    let key = if bare { key.to_owned() } else { format!("{key:?}") };
    if path.is_empty() { key } else { format!("{path}.{key}") }
}

impl fmt::Display for Field {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.segments().into_iter().fold(String::new(), |path, key| join(&path, key)))
    }
}

impl fmt::Display for Band {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", self.hours, self.rate)
    }
}

impl fmt::Display for Value {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Text(text) => f.write_str(text),
            Self::Number(number) => number.fmt(f),
            Self::Span(span) => span.fmt(f),
            Self::Size(size) => size.fmt(f),
            Self::Texts(texts) => write!(f, "{texts:?}"),
            Self::Bands(bands) => write!(f, "{:?}", bands.iter().map(ToString::to_string).collect::<Vec<_>>()),
        }
    }
}

type Fields = BTreeMap<Field, Value>;

fn texts<T: fmt::Display>(list: &[T]) -> Value {
    Value::Texts(list.iter().map(ToString::to_string).collect())
}

fn add_limits(fields: &mut Fields, scope: &Scope, limits: &Limits) {
    let values = [
        ("limits.quota", limits.quota.map(Value::Size)),
        ("limits.share_percent", limits.share_percent.map(Value::Number)),
        ("limits.bandwidth", limits.bandwidth.clone().map(Value::Bands)),
    ];
    add(fields, scope, values);
}

fn add_overrides(fields: &mut Fields, scope: &Scope, over: &Overrides) {
    let span = |span: Option<Span>| span.map(Value::Span);
    let values = [
        ("targets.rpo_pusat", span(over.rpo_pusat)),
        ("targets.rpo_drc", span(over.rpo_drc)),
        ("targets.rto", span(over.rto)),
        ("keep.newest", over.newest.map(Value::Number)),
        ("keep.hourly", span(over.hourly)),
        ("keep.daily", span(over.daily)),
        ("keep.weekly", span(over.weekly)),
        ("keep.monthly", span(over.monthly)),
        ("keep.yearly", span(over.yearly)),
        ("schedules", over.schedules.as_deref().map(texts)),
        ("windows", over.windows.as_ref().map(|windows| texts(windows.ranges()))),
        ("jitter", span(over.jitter)),
        ("excludes", over.excludes.as_deref().map(texts::<Pattern>)),
    ];
    add(fields, scope, values);
}

fn add_drills(fields: &mut Fields, scope: &Scope, drills: &Drills) {
    let text = |text: Option<&str>| text.map(|text| Value::Text(text.to_owned()));
    let values = [
        ("drills.verify", text(drills.verify.as_ref().map(Schedule::as_str))),
        ("drills.restore", text(drills.restore.as_ref().map(Schedule::as_str))),
        ("drills.application", text(drills.application.as_ref().map(Schedule::as_str))),
        ("drills.datasets", drills.datasets.map(Value::Number)),
        ("drills.sample_percent", drills.sample_percent.map(Value::Number)),
        ("drills.window", drills.window.map(Value::Span)),
        ("drills.wipe", text(drills.wipe.map(Wipe::as_str))),
        ("drills.longest", drills.longest.map(Value::Span)),
    ];
    add(fields, scope, values);
}

fn add_copies(fields: &mut Fields, scope: &Scope, recovery: &Recovery, copies: &Copies) {
    let values = [
        ("recovery.least", recovery.least.map(Value::Number)),
        ("copies.least", copies.least.map(Value::Number)),
        ("copies.further", copies.further.map(Value::Span)),
    ];
    add(fields, scope, values);
}

fn add<const N: usize>(fields: &mut Fields, scope: &Scope, values: [(&'static str, Option<Value>); N]) {
    for (name, value) in values {
        if let Some(value) = value {
            fields.insert(Field { scope: scope.clone(), name }, value);
        }
    }
}

/// A node of the canonical form. Its maps are sorted whatever features `serde_json` is built with.
#[derive(Serialize)]
#[serde(untagged)]
enum Node {
    Text(String),
    Number(u64),
    List(Vec<Node>),
    Table(BTreeMap<String, Node>),
}

impl From<&Value> for Node {
    fn from(value: &Value) -> Self {
        let text = |text: &str| Self::Text(text.to_owned());
        match value {
            Value::Text(value) => text(value),
            Value::Number(number) => Self::Number(u64::from(*number)),
            Value::Span(span) => Self::Number(span.seconds()),
            Value::Size(size) => Self::Number(size.bytes()),
            Value::Texts(texts) => Self::List(texts.iter().map(|value| text(value)).collect()),
            Value::Bands(bands) => {
                let band = |band: &Band| {
                    let rate = Self::Number(band.rate.bits_per_second());
                    let hours = text(&band.hours.to_string());
                    Self::Table([("bits_per_second".to_owned(), rate), ("hours".to_owned(), hours)].into())
                };
                Self::List(bands.iter().map(band).collect())
            }
        }
    }
}

impl Policy {
    /// Everything that the policy says, defaults of the classes too.
    pub fn fields(&self) -> BTreeMap<Field, Value> {
        let mut fields = Fields::new();
        let values = [
            ("name", Some(Value::Text(self.name.to_string()))),
            ("version", Some(Value::Number(self.version))),
            ("time_zone", Some(Value::Text(self.zone.to_string()))),
            ("approvals.max_age", Some(Value::Span(self.approvals_max_age))),
        ];
        add(&mut fields, &Scope::Policy, values);
        add_limits(&mut fields, &Scope::Policy, &self.limits);
        for (class, rules) in &self.classes {
            add_overrides(&mut fields, &Scope::Class(*class), &rules.said());
            add_drills(&mut fields, &Scope::Class(*class), &rules.drills);
            add_copies(&mut fields, &Scope::Class(*class), &rules.recovery, &rules.copies);
        }
        for (name, office) in &self.offices {
            let scope = Scope::Office(name.clone());
            add_limits(&mut fields, &scope, &office.limits);
            add_overrides(&mut fields, &scope, &office.overrides);
            for (dataset, over) in &office.datasets {
                add_overrides(&mut fields, &Scope::Dataset(name.clone(), dataset.clone()), over);
            }
        }
        for (plan, its) in &self.plan_drills {
            let schedule = Some(Value::Text(its.schedule.as_str().to_owned()));
            let values = [("schedule", schedule), ("window", its.window.map(Value::Span))];
            add(&mut fields, &Scope::PlanDrill(plan.clone()), values);
        }
        for (word, its) in &self.decisions {
            let means = match its.means {
                Meaning::Kilometres(km) => ("km", Some(Value::Number(km))),
                Meaning::Within(span) => ("within", Some(Value::Span(span))),
            };
            let text = |text: &String| Some(Value::Text(text.clone()));
            let values = [means, ("date", text(&its.date)), ("by", text(&its.by)), ("decree", text(&its.decree))];
            add(&mut fields, &Scope::Decision(*word), values);
        }
        fields
    }

    /// The one form of what the policy says, whatever the file's comments, order and spelling:
    /// JSON without spaces, keys sorted, durations in seconds, sizes in bytes (RFC 8785).
    pub fn canonical_json(&self) -> String {
        let mut root = BTreeMap::from([("type".to_owned(), Node::Text(crate::read::TYPE.to_owned()))]);
        for (field, value) in &self.fields() {
            insert(&mut root, &field.segments(), Node::from(value));
        }
        // Strings, whole numbers, lists and maps with string keys: nothing here can fail.
        serde_json::to_string(&Node::Table(root)).unwrap_or_default()
    }

    /// The BLAKE3 hash of the canonical form: what is signed and put on the ledger.
    pub fn hash(&self) -> blake3::Hash {
        blake3::hash(self.canonical_json().as_bytes())
    }
}

fn insert(table: &mut BTreeMap<String, Node>, path: &[&str], node: Node) {
    match path {
        [] => {}
        [key] => {
            table.insert((*key).to_owned(), node);
        }
        [key, rest @ ..] => {
            let below = table.entry((*key).to_owned()).or_insert_with(|| Node::Table(BTreeMap::new()));
            if let Node::Table(below) = below {
                insert(below, rest, node);
            }
        }
    }
}
