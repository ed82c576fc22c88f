//! Whether an expression may be used: bounded in length and nesting before it is parsed, and after that every name,
//! field, function and operator of it known and of a fitting type. So nothing is left to go wrong over facts but that
//! one of them is absent, a division by zero, a number too large, and the time.

use std::collections::BTreeSet;
use std::fmt;

use cel::common::ast::{CallExpr, Expr, LiteralValue, operators};
use cel::{Env, IdedExpr};

use crate::schema::{FACTS, Fact, field};

/// Longest expression.
pub const MAX_EXPRESSION_BYTES: usize = 1024;
/// Brackets within each other.
const MAX_BRACKETS: usize = 24;
/// Operators, calls and fields within each other.
const MAX_DEPTH: usize = 24;
/// `all` and its like within each other.
const MAX_LOOPS: usize = 3;
const LOOPS: [&str; 5] = [operators::ALL, operators::EXISTS, operators::EXISTS_ONE, operators::FILTER, operators::MAP];

#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ExpressionError {
    #[error("it is empty")]
    Empty,
    #[error("it is longer than {MAX_EXPRESSION_BYTES} bytes")]
    TooLong,
    #[error("it is nested too deeply")]
    TooDeep,
    #[error("it does not compile: {0}")]
    Syntax(String),
    #[error("there is no fact `{name}`{}", near.as_ref().map(|near| format!("; did you mean `{near}`?")).unwrap_or_default())]
    UnknownFact { name: String, near: Option<String> },
    #[error("`{0}` cannot be called here")]
    Call(String),
    #[error("`{what}` takes {wanted}, and this is {found}")]
    WrongType { what: String, wanted: &'static str, found: &'static str },
    #[error("`{0}` goes over a list of the facts, and this is none")]
    NoList(String),
    #[error("it gives {0}, and not true or false")]
    NoAnswer(&'static str),
    #[error("{0} cannot stand here")]
    NotHere(&'static str),
}

/// What part of an expression is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Type {
    Text,
    Number,
    Bool,
    Texts,
    Numbers,
    Bools,
    Object(&'static [(&'static str, Fact)]),
    List(&'static [(&'static str, Fact)]),
}

impl Type {
    fn name(self) -> &'static str {
        match self {
            Self::Text => "a text",
            Self::Number => "a number",
            Self::Bool => "true or false",
            Self::Object(_) => "an object",
            Self::Texts | Self::Numbers | Self::Bools | Self::List(_) => "a list",
        }
    }

    fn is_list(self) -> bool {
        matches!(self, Self::Texts | Self::Numbers | Self::Bools | Self::List(_))
    }

    /// What a list has; `None`: it is none.
    fn element(self) -> Option<Self> {
        match self {
            Self::Texts => Some(Self::Text),
            Self::Numbers => Some(Self::Number),
            Self::Bools => Some(Self::Bool),
            Self::List(fields) => Some(Self::Object(fields)),
            _ => None,
        }
    }
}

impl From<Fact> for Type {
    fn from(fact: Fact) -> Self {
        match fact {
            Fact::Text => Self::Text,
            Fact::Number => Self::Number,
            Fact::Bool => Self::Bool,
            Fact::Texts => Self::Texts,
            Fact::Object(fields) => Self::Object(fields),
            Fact::List(fields) => Self::List(fields),
        }
    }
}

/// An expression that may be used.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Expression {
    text: String,
    reads: BTreeSet<String>,
}

impl Expression {
    pub fn parse(text: &str) -> Result<Self, ExpressionError> {
        bounded(text)?;
        // Without macros, so that `all` and its like are still what was written.
        let plain = Env::default().with_stdlib();
        let program = plain.compile(text).map_err(|errors| ExpressionError::Syntax(told(&errors)))?;
        let mut checker = Checker { scope: Vec::new(), loops: 0, reads: BTreeSet::new() };
        let (answer, _) = checker.check(program.expression(), 0)?;
        if answer != Type::Bool {
            return Err(ExpressionError::NoAnswer(answer.name()));
        }
        // What the macros make of it must compile too.
        Env::stdlib().compile(text).map_err(|errors| ExpressionError::Syntax(told(&errors)))?;
        Ok(Self { text: text.to_owned(), reads: checker.reads })
    }

    pub fn text(&self) -> &str {
        &self.text
    }

    /// The facts that it may read, as paths of the schema.
    pub fn reads(&self) -> impl Iterator<Item = &str> {
        self.reads.iter().map(String::as_str)
    }
}

/// The first line of what the parser says, and no more of it.
fn told(errors: &impl fmt::Display) -> String {
    errors.to_string().lines().next().unwrap_or_default().chars().take(200).collect()
}

/// What must hold before a parser sees it: parsers recurse.
fn bounded(text: &str) -> Result<(), ExpressionError> {
    if text.trim().is_empty() {
        return Err(ExpressionError::Empty);
    }
    if text.len() > MAX_EXPRESSION_BYTES {
        return Err(ExpressionError::TooLong);
    }
    let (mut depth, mut deepest) = (0_usize, 0);
    for c in text.chars() {
        match c {
            // A condition nests as a bracket does, and nothing closes it.
            '(' | '[' | '{' | '?' => depth += 1,
            ')' | ']' | '}' => depth = depth.saturating_sub(1),
            _ => {}
        }
        deepest = deepest.max(depth);
    }
    if deepest > MAX_BRACKETS { Err(ExpressionError::TooDeep) } else { Ok(()) }
}

struct Checker {
    /// Variables of the loops around, with the path of what each stands for.
    scope: Vec<(String, Type, String)>,
    loops: usize,
    reads: BTreeSet<String>,
}

/// A type, and the path of the fact where it is one.
type Found = (Type, Option<String>);

impl Checker {
    fn check(&mut self, its: &IdedExpr, depth: usize) -> Result<Found, ExpressionError> {
        if depth > MAX_DEPTH {
            return Err(ExpressionError::TooDeep);
        }
        match &its.expr {
            Expr::Ident(name) => self.name(name),
            Expr::Select(select) => {
                let (of, path) = self.check(&select.operand, depth + 1)?;
                self.select(of, path, &select.field)
            }
            Expr::Literal(LiteralValue::Boolean(_)) => Ok((Type::Bool, None)),
            Expr::Literal(LiteralValue::Int(_)) => Ok((Type::Number, None)),
            Expr::Literal(LiteralValue::String(_)) => Ok((Type::Text, None)),
            Expr::Literal(_) => Err(ExpressionError::NotHere("a fraction, bytes, `null` or an unsigned number")),
            Expr::List(list) => self.list(&list.elements, depth),
            Expr::Call(call) => self.call(call, depth),
            Expr::Map(_) => Err(ExpressionError::NotHere("a map")),
            Expr::Struct(_) => Err(ExpressionError::NotHere("a message")),
            Expr::Comprehension(_) | Expr::Unspecified => Err(ExpressionError::NotHere("this")),
        }
    }

    fn name(&mut self, name: &str) -> Result<Found, ExpressionError> {
        if let Some((_, its, path)) = self.scope.iter().rfind(|(known, ..)| known == name) {
            return Ok((*its, Some(path.clone())));
        }
        let fact = field(FACTS, name).ok_or_else(|| unknown(name, FACTS, name))?;
        Ok(self.found(fact.into(), name.to_owned()))
    }

    fn select(&mut self, of: Type, path: Option<String>, name: &str) -> Result<Found, ExpressionError> {
        let path = path.unwrap_or_default();
        let whole = format!("{path}.{name}");
        let Type::Object(fields) = of else {
            return Err(ExpressionError::UnknownFact { name: whole, near: None });
        };
        let fact = field(fields, name).ok_or_else(|| unknown(&whole, fields, name))?;
        Ok(self.found(fact.into(), whole))
    }

    /// A fact that is no object is read.
    fn found(&mut self, its: Type, path: String) -> Found {
        match its {
            Type::Object(_) => (its, Some(path)),
            Type::List(_) => (its, Some(format!("{path}[]"))),
            _ => {
                self.reads.insert(path.clone());
                (its, Some(path))
            }
        }
    }

    fn list(&mut self, elements: &[IdedExpr], depth: usize) -> Result<Found, ExpressionError> {
        let mut of = None;
        for element in elements {
            let (its, _) = self.check(element, depth + 1)?;
            if of.is_some_and(|of| of != its) {
                return Err(ExpressionError::NotHere("a list of several types"));
            }
            of = Some(its);
        }
        match of {
            Some(Type::Text) => Ok((Type::Texts, None)),
            Some(Type::Number) => Ok((Type::Numbers, None)),
            Some(Type::Bool) => Ok((Type::Bools, None)),
            _ => Err(ExpressionError::NotHere("an empty list, or one of lists or objects")),
        }
    }

    fn call(&mut self, call: &CallExpr, depth: usize) -> Result<Found, ExpressionError> {
        let name = call.func_name.as_str();
        if let Some(target) = &call.target {
            if LOOPS.contains(&name) {
                return self.each(name, target, &call.args, depth);
            }
            return self.method(name, target, &call.args, depth);
        }
        match name {
            operators::HAS => self.has(&call.args, depth),
            "size" => self.size(&call.args, depth),
            "int" => {
                self.want(name, &call.args, &[Type::Number], depth)?;
                Ok((Type::Number, None))
            }
            _ => self.operator(name, &call.args, depth),
        }
    }

    /// `has(audits.security)`: whether a fact is there.
    fn has(&mut self, args: &[IdedExpr], depth: usize) -> Result<Found, ExpressionError> {
        let [IdedExpr { expr: Expr::Select(select), .. }] = args else {
            return Err(ExpressionError::Call("has".into()));
        };
        let (of, path) = self.check(&select.operand, depth + 1)?;
        self.select(of, path, &select.field)?;
        Ok((Type::Bool, None))
    }

    fn size(&mut self, args: &[IdedExpr], depth: usize) -> Result<Found, ExpressionError> {
        let [of] = args else { return Err(ExpressionError::Call("size".into())) };
        let (its, path) = self.check(of, depth + 1)?;
        if !its.is_list() && its != Type::Text {
            return Err(ExpressionError::WrongType {
                what: "size".into(),
                wanted: "a list or a text",
                found: its.name(),
            });
        }
        if let (Type::List(_), Some(path)) = (its, path) {
            self.reads.insert(path);
        }
        Ok((Type::Number, None))
    }

    fn method(
        &mut self,
        name: &str,
        target: &IdedExpr,
        args: &[IdedExpr],
        depth: usize,
    ) -> Result<Found, ExpressionError> {
        match name {
            "contains" | "startsWith" | "endsWith" if args.len() == 1 => {
                self.want(name, std::slice::from_ref(target), &[Type::Text], depth)?;
                self.want(name, args, &[Type::Text], depth)?;
                Ok((Type::Bool, None))
            }
            "size" if args.is_empty() => self.size(std::slice::from_ref(target), depth),
            _ => Err(ExpressionError::Call(name.into())),
        }
    }

    /// `datasets.all(d, …)`.
    fn each(
        &mut self,
        name: &str,
        target: &IdedExpr,
        args: &[IdedExpr],
        depth: usize,
    ) -> Result<Found, ExpressionError> {
        let [IdedExpr { expr: Expr::Ident(variable), .. }, body] = args else {
            return Err(ExpressionError::Call(name.into()));
        };
        if self.loops == MAX_LOOPS {
            return Err(ExpressionError::TooDeep);
        }
        let (list, path) = self.check(target, depth + 1)?;
        // One that is written out could be long and cheap to write: only facts are gone over.
        let (Some(element), Some(path)) = (list.element(), path) else {
            return Err(ExpressionError::NoList(name.into()));
        };
        if field(FACTS, variable).is_some() || self.scope.iter().any(|(known, ..)| known == variable) {
            return Err(ExpressionError::NotHere("a variable with the name of a fact or of another variable"));
        }
        if matches!(list, Type::List(_)) {
            self.reads.insert(path.clone());
        }
        self.scope.push((variable.clone(), element, path.clone()));
        self.loops += 1;
        let checked = self.check(body, depth + 1);
        self.loops -= 1;
        self.scope.pop();
        let (gives, _) = checked?;
        if name == operators::MAP {
            return match gives {
                Type::Text => Ok((Type::Texts, Some(path))),
                Type::Number => Ok((Type::Numbers, Some(path))),
                Type::Bool => Ok((Type::Bools, Some(path))),
                _ => Err(ExpressionError::NotHere("a list of lists or objects")),
            };
        }
        if gives != Type::Bool {
            return Err(ExpressionError::WrongType { what: name.into(), wanted: "true or false", found: gives.name() });
        }
        Ok(if name == operators::FILTER { (list, Some(path)) } else { (Type::Bool, None) })
    }

    /// All arguments are of one of these types.
    fn want(&mut self, what: &str, args: &[IdedExpr], any: &[Type], depth: usize) -> Result<Type, ExpressionError> {
        let mut of = None;
        for arg in args {
            let (its, _) = self.check(arg, depth + 1)?;
            if !any.contains(&its) || of.is_some_and(|of| of != its) {
                let wanted = match of.or(any.first().copied()) {
                    Some(Type::Bool) => "true or false",
                    Some(Type::Text) => "a text",
                    _ => "a number",
                };
                return Err(ExpressionError::WrongType { what: what.into(), wanted, found: its.name() });
            }
            of = Some(its);
        }
        of.ok_or_else(|| ExpressionError::Call(what.into()))
    }

    fn operator(&mut self, name: &str, args: &[IdedExpr], depth: usize) -> Result<Found, ExpressionError> {
        use operators as op;
        let shown = name.trim_matches(['_', '@']).replace('_', " ");
        let gives = match name {
            op::LOGICAL_AND | op::LOGICAL_OR | op::LOGICAL_NOT => self.want(&shown, args, &[Type::Bool], depth)?,
            op::GREATER | op::GREATER_EQUALS | op::LESS | op::LESS_EQUALS => {
                self.want(&shown, args, &[Type::Number], depth)?;
                Type::Bool
            }
            op::EQUALS | op::NOT_EQUALS => {
                self.want(&shown, args, &[Type::Text, Type::Number, Type::Bool], depth)?;
                Type::Bool
            }
            op::ADD | op::SUBSTRACT | op::MULTIPLY | op::DIVIDE | op::MODULO | op::NEGATE => {
                self.want(&shown, args, &[Type::Number], depth)?
            }
            op::CONDITIONAL => {
                let [condition, rest @ ..] = args else { return Err(ExpressionError::Call(shown)) };
                self.want(&shown, std::slice::from_ref(condition), &[Type::Bool], depth)?;
                self.want(&shown, rest, &[Type::Text, Type::Number, Type::Bool], depth)?
            }
            op::IN => {
                let [one, list] = args else { return Err(ExpressionError::Call(shown)) };
                let (one, _) = self.check(one, depth + 1)?;
                let (list, _) = self.check(list, depth + 1)?;
                if list.element() != Some(one) || matches!(one, Type::Object(_)) {
                    return Err(ExpressionError::WrongType {
                        what: shown,
                        wanted: "a text and a list of texts",
                        found: list.name(),
                    });
                }
                Type::Bool
            }
            _ => return Err(ExpressionError::Call(shown)),
        };
        Ok((gives, None))
    }
}

fn unknown(whole: &str, fields: &'static [(&'static str, Fact)], name: &str) -> ExpressionError {
    let names: Vec<&'static str> = fields.iter().map(|(name, _)| *name).collect();
    let near = pulih_policies::nearest(name, &names).map(str::to_owned);
    ExpressionError::UnknownFact { name: whole.to_owned(), near }
}

#[cfg(test)]
mod tests;
