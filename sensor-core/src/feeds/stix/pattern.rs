//! Patterns of STIX 2.1 (section 9 of the specification), and of 2.0, as a tree.
//!
//! All of the grammar is read, also what no address match says: only who has read a pattern to
//! its end knows what it means.

mod lexer;
mod parser;

use std::borrow::Cow;

use thiserror::Error;

pub use self::parser::parse;

/// Deepest nesting of parentheses that is read.
pub const DEEPEST: usize = 64;

/// Why a pattern cannot be read.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum PatternError {
    /// It does not follow the grammar.
    #[error("{found} where {expected} is expected, at byte {at}")]
    Form {
        /// What is there.
        found: String,
        /// What could be there.
        expected: &'static str,
        /// Where.
        at: usize,
    },
    /// Nested deeper than is read.
    #[error("nested more than {DEEPEST} levels deep")]
    Deep,
}

/// Observations, which may be of different times.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Observation<'p> {
    /// One that fulfils a comparison: `[ ... ]`.
    One(Comparison<'p>),
    /// All of them.
    And(Vec<Self>),
    /// Any of them.
    Or(Vec<Self>),
    /// One after the other.
    FollowedBy(Vec<Self>),
    /// With a qualifier.
    Qualified(Box<Self>, Qualifier<'p>),
}

/// What narrows observations in time or number.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Qualifier<'p> {
    /// `WITHIN 5 SECONDS`.
    Within(&'p str),
    /// `REPEATS 5 TIMES`.
    Repeats(u64),
    /// `START t'...' STOP t'...'`.
    StartStop(Cow<'p, str>, Cow<'p, str>),
}

/// What one observation has to fulfil.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Comparison<'p> {
    /// All of them.
    And(Vec<Self>),
    /// Any of them.
    Or(Vec<Self>),
    /// A property compared.
    Test(Test<'p>),
    /// A property that is there.
    Exists {
        /// Which.
        path: Path<'p>,
        /// Whether it must not.
        is_negated: bool,
    },
}

/// A property compared with values.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Test<'p> {
    /// The property.
    pub path: Path<'p>,
    /// Whether it must not hold.
    pub is_negated: bool,
    /// How it is compared.
    pub operator: Operator,
    /// With what; several for `IN`.
    pub values: Vec<Literal<'p>>,
}

/// How a property is compared.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Operator {
    /// `=`
    Equal,
    /// `!=`
    NotEqual,
    /// `<`, `<=`, `>`, `>=`
    Order,
    /// `IN`
    In,
    /// `LIKE`
    Like,
    /// `MATCHES`
    Matches,
    /// `ISSUBSET`
    IsSubset,
    /// `ISSUPERSET`
    IsSuperset,
}

/// A property of an object.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Path<'p> {
    /// The type of the object.
    pub object: &'p str,
    /// The way to the property.
    pub steps: Vec<Step<'p>>,
}

/// A step on the way to a property.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Step<'p> {
    /// A member.
    Name(Cow<'p, str>),
    /// An element of a list, or any of them.
    Index(Option<i64>),
}

/// A value.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Literal<'p> {
    /// `'text'`
    Text(Cow<'p, str>),
    /// `5`, with or without sign.
    Integer(i64),
    /// `5.0`, or a whole number of more than 64 bits.
    Float(&'p str),
    /// `true`
    Bool(bool),
    /// `t'...'`
    Timestamp(Cow<'p, str>),
    /// `h'...'` or `b'...'`
    Binary(Cow<'p, str>),
}

#[cfg(test)]
mod tests;
