//! Criteria as variables of expressions.

use std::collections::HashMap;
use std::sync::{Arc, LazyLock};

use cel::Value;

use crate::criterion::{Entry, Fact, Facts, Syntax, entries};
use crate::subject::Subject;

/// A variable.
#[derive(Debug)]
pub(super) struct Variable {
    pub(super) name: String,
    entry: &'static Entry,
}

/// The variable with a name.
pub(super) fn named(name: &str) -> Option<&'static Variable> {
    VARIABLES.iter().find(|variable| variable.name == name)
}

impl Variable {
    /// Its value, or why there is none.
    pub(super) fn value(&self, subject: &Subject<'_>) -> Result<Value, &'static str> {
        match (self.entry.find)(subject) {
            Facts::One(fact) => self.of(&fact),
            Facts::Several(facts) => {
                let values = facts.iter().map(|fact| self.of(fact));
                Ok(Value::List(Arc::new(values.collect::<Result<_, _>>()?)))
            }
        }
    }

    /// Some value of its type.
    pub(super) fn sample(&self) -> Value {
        let one = match self.entry.syntax {
            Syntax::Version => Value::Float(1.2),
            Syntax::Number(_) => Value::Int(1),
            Syntax::Flag => Value::Bool(true),
            Syntax::Choice(_) | Syntax::Text | Syntax::CipherSuite | Syntax::Group => {
                text("sample")
            }
            Syntax::Label => labels([("sample".to_owned(), "sample".to_owned())]),
        };
        if self.entry.is_list { Value::List(Arc::new(vec![one])) } else { one }
    }

    fn of(&self, fact: &Fact<'_>) -> Result<Value, &'static str> {
        let is_text = !matches!(self.entry.syntax, Syntax::Number(_) | Syntax::Version);
        Ok(match fact {
            Fact::Text(found) => text(found),
            Fact::Number(found) => Value::Int(*found),
            Fact::Version(rank, _) => Value::Float(version(*rank)),
            Fact::Flag(found) => Value::Bool(*found),
            Fact::Labels(found) => labels(found.iter().map(|(key, it)| (key.clone(), it.clone()))),
            Fact::Absent(_) if is_text => text("none"),
            Fact::Absent(why) | Fact::Unknown(why) | Fact::Open(_, why) => return Err(why),
        })
    }
}

fn text(text: &str) -> Value {
    Value::String(Arc::new(text.to_owned()))
}

fn labels(labels: impl IntoIterator<Item = (String, String)>) -> Value {
    let labels: HashMap<String, String> = labels.into_iter().collect();
    labels.into()
}

/// A version as a number: 1.3, 1.2, 1.1, 1.0; 0.3 and 0.2 for SSL.
fn version(rank: u16) -> f64 {
    match rank {
        0x0304 => 1.3,
        0x0303 => 1.2,
        0x0302 => 1.1,
        0x0301 => 1.0,
        0x0300 => 0.3,
        _ => 0.2,
    }
}

static VARIABLES: LazyLock<Vec<Variable>> =
    LazyLock::new(|| entries().map(|entry| Variable { name: entry.variable(), entry }).collect());
