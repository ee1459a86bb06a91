//! Policies as one expression in CEL, for experts.
//!
//! Each criterion is a variable: `TLS Version` is `tls_version`. What is not known is not there, and the
//! logic of CEL is Kleene's: `&&` and `||` decide without it where they can, and nothing else does.

mod variables;

use cel::common::ast::{EntryExpr, Expr, IdedExpr};
use cel::parser::PrattParser;
use cel::{Context, ExecutionError, Value};

use crate::policy_error::Flaw;
use crate::rule::{Finding, verdict};
use crate::subject::Subject;
use crate::verdict::Verdict;
use variables::Variable;

/// An expression that is ready to judge: what is wrong.
#[derive(Debug)]
pub(crate) struct Expression {
    root: IdedExpr,
    variables: Vec<&'static Variable>,
}

impl Expression {
    /// Compiles an expression.
    ///
    /// # Errors
    /// It is no expression, names something that there is not, or is larger than one that people write.
    pub(crate) fn compile(text: &str) -> Result<Self, Flaw> {
        if text.len() > MAX_LEN {
            return Err(Flaw::TooLong { len: text.len(), limit: MAX_LEN });
        }
        let parser = PrattParser::new().max_recursion_depth(MAX_RECURSION).error_recovery_limit(0);
        let root = parser.parse(text).map_err(|error| {
            Flaw::Expression(
                error.to_string().lines().take(MAX_LINES).collect::<Vec<_>>().join("; "),
            )
        })?;
        let mut seen = Seen::default();
        seen.visit(&root)?;
        let mut found = Vec::new();
        for name in root.references().variables() {
            // Macros make variables of their own, which begin so, and name those of their authors.
            if seen.bound.iter().any(|bound| bound == name) || name.starts_with('@') {
                continue;
            }
            let variable = variables::named(name)
                .ok_or_else(|| Flaw::Expression(format!("there is no variable '{name}'")))?;
            found.push(variable);
        }
        let expression = Self { root, variables: found };
        expression.try_out()?;
        Ok(expression)
    }

    /// Judges a subject.
    pub(crate) fn judge(&self, subject: &Subject<'_>) -> Finding {
        let mut context = Context::default();
        let mut missing: Vec<&'static str> = Vec::new();
        let mut said = Vec::new();
        for variable in &self.variables {
            match variable.value(subject) {
                Ok(value) => {
                    said.push(format!("{} is {}", variable.name, shown(&value)));
                    context.add_variable_from_value(variable.name.as_str(), value);
                }
                Err(why) if missing.contains(&why) => {}
                Err(why) => missing.push(why),
            }
        }
        match Value::resolve(&self.root, &context) {
            Ok(Value::Bool(is_wrong)) => {
                Finding { verdict: verdict(Some(is_wrong)), reason: said.join(", ") }
            }
            Ok(_) => unknown("the expression is neither true nor false"),
            Err(_) if !missing.is_empty() => unknown(&missing.join("; ")),
            Err(error) => {
                unknown(&format!("the expression cannot be evaluated: {}", brief(&error)))
            }
        }
    }

    /// Evaluates it with values of each variable's type, so that types that do not fit are found when a
    /// policy is written and not when it is needed.
    fn try_out(&self) -> Result<(), Flaw> {
        let mut context = Context::default();
        for variable in &self.variables {
            context.add_variable_from_value(variable.name.as_str(), variable.sample());
        }
        match Value::resolve(&self.root, &context) {
            Ok(Value::Bool(_)) => Ok(()),
            Ok(_) => Err(Flaw::Expression("it is neither true nor false".to_owned())),
            // These depend on values.
            Err(
                ExecutionError::NoSuchKey(_)
                | ExecutionError::IndexOutOfBounds(_)
                | ExecutionError::DivisionByZero(_)
                | ExecutionError::RemainderByZero(_)
                | ExecutionError::Overflow(..),
            ) => Ok(()),
            Err(error) => Err(Flaw::Expression(brief(&error))),
        }
    }
}

fn unknown(reason: &str) -> Finding {
    Finding { verdict: Verdict::Unknown, reason: reason.to_owned() }
}

fn brief(error: &ExecutionError) -> String {
    error.to_string().chars().take(MAX_SHOWN).collect()
}

fn shown(value: &Value) -> String {
    let text = match value {
        Value::String(text) => text.as_str().to_owned(),
        Value::Bool(flag) => flag.to_string(),
        Value::Int(number) => number.to_string(),
        Value::Float(number) => number.to_string(),
        Value::List(list) => list.iter().map(shown).collect::<Vec<_>>().join(" "),
        Value::Map(_)
        | Value::Function(..)
        | Value::UInt(_)
        | Value::Bytes(_)
        | Value::Opaque(_)
        | Value::Struct(_)
        | Value::Null => "there".to_owned(),
    };
    text.chars().take(MAX_SHOWN).collect()
}

/// What was found in an expression.
#[derive(Default)]
struct Seen {
    nodes: usize,
    loops: usize,
    /// Names that macros bind.
    bound: Vec<String>,
}

impl Seen {
    /// Goes through an expression without recursion; its depth is its author's.
    fn visit(&mut self, root: &IdedExpr) -> Result<(), Flaw> {
        let mut waiting = vec![(root, 1_usize)];
        while let Some((next, depth)) = waiting.pop() {
            if depth > MAX_DEPTH {
                return Err(Flaw::TooMany { what: "levels", len: depth, limit: MAX_DEPTH });
            }
            self.nodes = self.nodes.saturating_add(1);
            if self.nodes > MAX_NODES {
                let (len, limit) = (self.nodes, MAX_NODES);
                return Err(Flaw::TooMany { what: "parts", len, limit });
            }
            let parts = self.parts(next)?;
            waiting.extend(parts.into_iter().map(|part| (part, depth.saturating_add(1))));
        }
        Ok(())
    }

    fn parts<'a>(&mut self, of: &'a IdedExpr) -> Result<Vec<&'a IdedExpr>, Flaw> {
        Ok(match &of.expr {
            Expr::Call(call) => call.target.as_deref().into_iter().chain(&call.args).collect(),
            Expr::Comprehension(it) => {
                self.loops = self.loops.saturating_add(1);
                // Loops in loops multiply.
                if self.loops > MAX_LOOPS {
                    let (what, len, limit) = ("loops", self.loops, MAX_LOOPS);
                    return Err(Flaw::TooMany { what, len, limit });
                }
                self.bound.extend([it.iter_var.clone(), it.accu_var.clone()]);
                self.bound.extend(it.iter_var2.clone());
                vec![&it.iter_range, &it.accu_init, &it.loop_cond, &it.loop_step, &it.result]
            }
            Expr::List(list) => list.elements.iter().collect(),
            Expr::Select(select) => vec![&select.operand],
            Expr::Map(map) => map.entries.iter().flat_map(|entry| entries(&entry.expr)).collect(),
            Expr::Struct(_) => {
                return Err(Flaw::Expression("there are no messages to make".to_owned()));
            }
            Expr::Ident(_) | Expr::Literal(_) | Expr::Unspecified => Vec::new(),
        })
    }
}

fn entries(entry: &EntryExpr) -> Vec<&IdedExpr> {
    match entry {
        EntryExpr::MapEntry(entry) => vec![&entry.key, &entry.value],
        EntryExpr::StructField(field) => vec![&field.value],
    }
}

/// Longest expression, in bytes: a dozen conditions.
const MAX_LEN: usize = 2048;

/// Deepest that the parser goes: brackets, and what is between them.
const MAX_RECURSION: u16 = 64;

/// Most parts of an expression.
const MAX_NODES: usize = 512;

/// Deepest tree: evaluating a level takes up to 40 KiB of stack in a build without optimisation, and the
/// threads of a server have 2 MiB.
const MAX_DEPTH: usize = 24;

/// Loops over lists of a record, which have at most a thousand entries.
const MAX_LOOPS: usize = 2;

/// Lines of the parser's complaints that are told.
const MAX_LINES: usize = 4;

/// Characters of a value or a complaint that are told.
const MAX_SHOWN: usize = 200;
