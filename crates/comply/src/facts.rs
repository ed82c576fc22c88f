//! One document of facts, `pulih/facts/v1`: held against the schema when it is taken in, and asked for what an
//! expression read of it.

use std::collections::{BTreeMap, HashMap};

use cel::Value as Cel;
use cel::common::value::Val;
use cel::objects::Key;
use serde::Serialize;
use serde_json::Value;

use crate::schema::{FACTS, Fact, field};

/// By these an element of a list is told from others, the first that it has.
const NAMES: [&[&str]; 5] = [&["agent", "dataset"], &["opd"], &["plan"], &["user"], &["name"]];
/// Beside the facts of an object: the entries that they follow from.
const ENTRIES: &str = "entries";

#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("the facts are not as docs/contracts/facts.md has them: {0}")]
pub struct FactsError(String);

pub struct Facts {
    document: Value,
    variables: BTreeMap<String, Box<dyn Val>>,
}

/// A fact that an expression read.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Cited {
    pub fact: String,
    /// `null`: it is absent.
    pub value: Value,
    pub entries: Vec<String>,
}

impl Facts {
    pub fn new(document: Value) -> Result<Self, FactsError> {
        let Value::Object(fields) = &document else { return Err(FactsError("no object".into())) };
        let mut variables: BTreeMap<String, Box<dyn Val>> = BTreeMap::new();
        for (name, fact) in FACTS {
            let told = fields.get(*name);
            let value = match (told, fact) {
                (Some(told), fact) => of(told, *fact, name)?,
                // An object is always there, however empty. A list that is absent is not an empty one: who has no ledger
                // of a DRC does not know that it has no plans.
                (None, Fact::Object(_)) => Cel::from(HashMap::<Key, Cel>::new()),
                (None, _) => continue,
            };
            let value = Box::<dyn Val>::try_from(value).map_err(|error| FactsError(format!("{name}: {error}")))?;
            variables.insert((*name).to_owned(), value);
        }
        let is_known = |name: &String| name == "type" || field(FACTS, name).is_some();
        if let Some(unknown) = fields.keys().find(|name| !is_known(name)) {
            return Err(FactsError(format!("{unknown} is none")));
        }
        Ok(Self { document, variables })
    }

    pub(crate) fn variables(&self) -> &BTreeMap<String, Box<dyn Val>> {
        &self.variables
    }

    pub fn document(&self) -> &Value {
        &self.document
    }

    /// What stands at a path of the schema: each element of its lists apart.
    pub fn cite(&self, path: &str) -> Vec<Cited> {
        let mut found = Vec::new();
        collect(&self.document, path, "", &[], &mut found);
        found
    }
}

/// A fact as the evaluator has it, if it is of its type.
fn of(told: &Value, fact: Fact, path: &str) -> Result<Cel, FactsError> {
    let wrong = |wanted: &str| FactsError(format!("{path} is not {wanted}"));
    match (fact, told) {
        (Fact::Text, Value::String(text)) => Ok(Cel::from(text.as_str())),
        (Fact::Number, Value::Number(number)) => number.as_i64().map(Cel::Int).ok_or_else(|| wrong("a whole number")),
        (Fact::Bool, Value::Bool(its)) => Ok(Cel::Bool(*its)),
        (Fact::Texts, Value::Array(list)) => {
            let texts = list.iter().map(|its| of(its, Fact::Text, path)).collect::<Result<Vec<_>, _>>()?;
            Ok(Cel::List(texts.into()))
        }
        (Fact::Object(fields), Value::Object(its)) => object(its, fields, path),
        (Fact::List(fields), Value::Array(list)) => {
            let one = |its: &Value| match its {
                Value::Object(its) => object(its, fields, path),
                _ => Err(wrong("a list of objects")),
            };
            Ok(Cel::List(list.iter().map(one).collect::<Result<Vec<_>, _>>()?.into()))
        }
        (Fact::Text, _) => Err(wrong("a text")),
        (Fact::Number, _) => Err(wrong("a whole number")),
        (Fact::Bool, _) => Err(wrong("true or false")),
        (Fact::Texts | Fact::List(_), _) => Err(wrong("a list")),
        (Fact::Object(_), _) => Err(wrong("an object")),
    }
}

fn object(
    its: &serde_json::Map<String, Value>,
    fields: &'static [(&'static str, Fact)],
    path: &str,
) -> Result<Cel, FactsError> {
    let mut map: HashMap<Key, Cel> = HashMap::new();
    for (name, told) in its.iter().filter(|(name, _)| *name != ENTRIES) {
        let path = format!("{path}.{name}");
        let fact = field(fields, name).ok_or_else(|| FactsError(format!("{path} is none")))?;
        // What is not said is left out, and not `null`.
        map.insert(Key::from(name.as_str()), of(told, fact, &path)?);
    }
    Ok(Cel::from(map))
}

fn collect(at: &Value, rest: &str, before: &str, entries: &[Value], found: &mut Vec<Cited>) {
    let entries = at.get(ENTRIES).and_then(Value::as_array).map_or(entries, Vec::as_slice);
    let (first, rest) = rest.split_once('.').unwrap_or((rest, ""));
    let name = first.strip_suffix("[]").unwrap_or(first);
    let shown = if before.is_empty() { name.to_owned() } else { format!("{before}.{name}") };
    let here = at.get(name).unwrap_or(&Value::Null);
    let cited = |value: &Value, fact: String| {
        let entries = entries.iter().filter_map(Value::as_str).map(str::to_owned).collect();
        Cited { fact, value: value.clone(), entries }
    };
    match here {
        // Of a list itself its length is what counts.
        Value::Array(list) if rest.is_empty() && first.ends_with("[]") => {
            found.push(cited(&list.len().into(), format!("size({shown})")));
        }
        Value::Array(list) if !rest.is_empty() => {
            for (index, one) in list.iter().enumerate() {
                collect(one, rest, &format!("{shown}[{}]", label(one, index)), entries, found);
            }
        }
        Value::Object(_) if !rest.is_empty() => collect(here, rest, &shown, entries, found),
        _ if rest.is_empty() => found.push(cited(here, shown)),
        _ => found.push(cited(&Value::Null, format!("{shown}.{rest}"))),
    }
}

/// How an element of a list is called.
fn label(one: &Value, index: usize) -> String {
    let name = |keys: &&[&str]| keys.iter().map(|key| one[*key].as_str()).collect::<Option<Vec<_>>>();
    NAMES.iter().find_map(name).map_or_else(|| index.to_string(), |parts| parts.join("/"))
}

#[cfg(test)]
mod tests;
