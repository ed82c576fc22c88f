//! An expression over facts: true, false, or that a fact is absent; within a time.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use cel::common::value::{CowVal, Val};
use cel::context::VariableResolver;
use cel::{Context, Env, ExecutionError, Value};

use crate::check::Expression;
use crate::facts::Facts;
use crate::schema::ATTESTED;

/// How long an expression may take.
#[derive(Debug, Clone, Copy)]
pub struct Limit(pub Duration);

impl Default for Limit {
    fn default() -> Self {
        Self(Duration::from_secs(1))
    }
}

/// What an expression says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Outcome {
    Holds(bool),
    /// This fact is absent, and the answer hangs on it.
    Absent(String),
    /// It did not end within its time, or a number grew too large: nothing is known by it.
    Failed(String),
}

/// The facts as variables. Whoever goes over facts again and again asks here again and again, so that this is where
/// an expression ends that takes too long.
struct Variables<'f> {
    facts: &'f BTreeMap<String, Box<dyn Val>>,
    /// Of the clause at hand alone.
    attested: Box<dyn Val>,
    ends: Instant,
    is_over: AtomicBool,
}

impl VariableResolver for Variables<'_> {
    fn resolve<'b>(&'b self, name: &str) -> Option<CowVal<'b, 'b>> {
        if self.is_over.load(Ordering::Relaxed) || Instant::now() >= self.ends {
            self.is_over.store(true, Ordering::Relaxed);
            return None;
        }
        let found = if name == ATTESTED { Some(&self.attested) } else { self.facts.get(name) };
        found.map(|its| CowVal::Borrowed(its.as_ref()))
    }
}

impl Expression {
    /// `attested`: the items of the clause at hand that are.
    pub fn evaluate(&self, facts: &Facts, attested: &[String], limit: Limit) -> Outcome {
        let env = Arc::new(Env::stdlib());
        let program = match env.compile(self.text()) {
            Ok(program) => program,
            Err(error) => return Outcome::Failed(error.to_string()),
        };
        let Ok(attested) = Box::<dyn Val>::try_from(Value::from(attested.to_vec())) else {
            return Outcome::Failed("its items cannot be read".into());
        };
        let (facts, ends) = (facts.variables(), Instant::now() + limit.0);
        let variables = Variables { facts, attested, ends, is_over: AtomicBool::new(false) };
        let mut context = Context::with_env(env);
        context.set_variable_resolver(&variables);
        let found = program.execute(&context);
        if variables.is_over.load(Ordering::Relaxed) {
            return Outcome::Failed(format!("it did not end within {} ms", limit.0.as_millis()));
        }
        match found {
            Ok(Value::Bool(holds)) => Outcome::Holds(holds),
            Ok(_) => Outcome::Failed("it gave neither true nor false".into()),
            Err(ExecutionError::NoSuchKey(name) | ExecutionError::UndeclaredReference(name)) => {
                Outcome::Absent(self.path_of(&name))
            }
            Err(error) => Outcome::Failed(error.to_string().chars().take(200).collect()),
        }
    }

    /// The evaluator names a field alone.
    fn path_of(&self, name: &str) -> String {
        let mut fitting = self.reads().filter(|path| path.rsplit('.').next() == Some(name));
        match (fitting.next(), fitting.next()) {
            (Some(path), None) => path.to_owned(),
            _ => name.to_owned(),
        }
    }
}

#[cfg(test)]
mod tests;
