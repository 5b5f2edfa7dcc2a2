//! The grammar of patterns, read from left to right.
//!
//! Chains of one operator are read in a loop, and only parentheses nest, up to a limit: a pattern
//! of any length takes no more stack.

use super::{
    Comparison, DEEPEST, Literal, Observation, Operator, Path, PatternError, Qualifier, Step, Test,
    lexer::{Lexer, Token},
};

/// Reads a pattern.
pub fn parse(text: &str) -> Result<Observation<'_>, PatternError> {
    let mut lexer = Lexer::new(text);
    let (token, at) = lexer.next()?;
    let mut parser = Parser {
        lexer,
        token,
        at,
        depth: 0,
    };
    let pattern = parser.observations()?;
    match parser.token {
        Token::End => Ok(pattern),
        _ => Err(parser.unexpected("the end of the pattern, or an operator")),
    }
}

struct Parser<'p> {
    lexer: Lexer<'p>,
    /// The word that is looked at.
    token: Token<'p>,
    at: usize,
    depth: usize,
}

type Read<T> = Result<T, PatternError>;

impl<'p> Parser<'p> {
    fn observations(&mut self) -> Read<Observation<'p>> {
        self.chain("FOLLOWEDBY", Self::any_observation, Observation::FollowedBy)
    }

    fn any_observation(&mut self) -> Read<Observation<'p>> {
        self.chain("OR", Self::all_observations, Observation::Or)
    }

    fn all_observations(&mut self) -> Read<Observation<'p>> {
        self.chain("AND", Self::observation, Observation::And)
    }

    fn observation(&mut self) -> Read<Observation<'p>> {
        let mut observation = if self.is_sign('(')? {
            self.enter()?;
            let inner = self.observations()?;
            self.depth -= 1;
            self.sign(')', "')'")?;
            inner
        } else {
            self.sign('[', "'[' or '('")?;
            let comparison = self.comparison()?;
            self.sign(']', "']', AND or OR")?;
            Observation::One(comparison)
        };
        let mut qualifiers = 0;
        while let Some(qualifier) = self.qualifier()? {
            // Each is a level of the tree.
            qualifiers += 1;
            if qualifiers > DEEPEST {
                return Err(PatternError::Deep);
            }
            observation = Observation::Qualified(Box::new(observation), qualifier);
        }
        Ok(observation)
    }

    fn qualifier(&mut self) -> Read<Option<Qualifier<'p>>> {
        if self.is_word("WITHIN")? {
            let seconds = match self.advance()? {
                Token::Literal(Literal::Float(seconds)) => seconds,
                Token::Literal(Literal::Integer(0..)) => "",
                other => return Err(self.expected(&other, "a number of seconds")),
            };
            self.word("SECONDS", "SECONDS")?;
            return Ok(Some(Qualifier::Within(seconds)));
        }
        if self.is_word("REPEATS")? {
            let times = match self.advance()? {
                Token::Literal(Literal::Integer(times @ 1..)) => times.unsigned_abs(),
                other => return Err(self.expected(&other, "a number of times")),
            };
            self.word("TIMES", "TIMES")?;
            return Ok(Some(Qualifier::Repeats(times)));
        }
        if self.is_word("START")? {
            let start = self.timestamp()?;
            self.word("STOP", "STOP")?;
            return Ok(Some(Qualifier::StartStop(start, self.timestamp()?)));
        }
        Ok(None)
    }

    fn timestamp(&mut self) -> Read<std::borrow::Cow<'p, str>> {
        match self.advance()? {
            Token::Literal(Literal::Timestamp(text)) => Ok(text),
            other => Err(self.expected(&other, "a moment, as t'2026-01-01T00:00:00Z'")),
        }
    }

    fn comparison(&mut self) -> Read<Comparison<'p>> {
        self.chain("OR", Self::all_comparisons, Comparison::Or)
    }

    fn all_comparisons(&mut self) -> Read<Comparison<'p>> {
        self.chain("AND", Self::test, Comparison::And)
    }

    fn test(&mut self) -> Read<Comparison<'p>> {
        if self.is_sign('(')? {
            self.enter()?;
            let inner = self.comparison()?;
            self.depth -= 1;
            self.sign(')', "')'")?;
            return Ok(inner);
        }
        let is_negated = self.is_word("NOT")?;
        if self.is_word("EXISTS")? {
            let path = self.path()?;
            return Ok(Comparison::Exists { path, is_negated });
        }
        if is_negated {
            return Err(self.unexpected("EXISTS"));
        }
        let path = self.path()?;
        let is_negated = self.is_word("NOT")?;
        let (operator, values) = self.compared()?;
        Ok(Comparison::Test(Test {
            path,
            is_negated,
            operator,
            values,
        }))
    }

    fn compared(&mut self) -> Read<(Operator, Vec<Literal<'p>>)> {
        let at = self.at;
        let operator = match self.advance()? {
            Token::Sign('=') => Operator::Equal,
            Token::Sign('!') => Operator::NotEqual,
            Token::Sign('<') => Operator::Order,
            Token::Word("IN") => return Ok((Operator::In, self.set()?)),
            Token::Word("LIKE") => Operator::Like,
            Token::Word("MATCHES") => Operator::Matches,
            Token::Word("ISSUBSET") => Operator::IsSubset,
            Token::Word("ISSUPERSET") => Operator::IsSuperset,
            other => {
                self.at = at;
                return Err(self.expected(&other, "a comparison"));
            }
        };
        let value = self.literal()?;
        let wants_text = match operator {
            Operator::Equal | Operator::NotEqual | Operator::Order | Operator::In => false,
            Operator::Like | Operator::Matches | Operator::IsSubset | Operator::IsSuperset => true,
        };
        if wants_text && !matches!(value, Literal::Text(_)) {
            return Err(self.unexpected("a text before this"));
        }
        Ok((operator, vec![value]))
    }

    fn set(&mut self) -> Read<Vec<Literal<'p>>> {
        self.sign('(', "'('")?;
        let mut values = Vec::new();
        if self.is_sign(')')? {
            return Ok(values);
        }
        loop {
            values.push(self.literal()?);
            if self.is_sign(')')? {
                return Ok(values);
            }
            self.sign(',', "',' or ')'")?;
        }
    }

    fn literal(&mut self) -> Read<Literal<'p>> {
        match self.advance()? {
            Token::Literal(literal) => Ok(literal),
            other => Err(self.expected(&other, "a value")),
        }
    }

    fn path(&mut self) -> Read<Path<'p>> {
        let object = match self.advance()? {
            Token::Word(object) => object,
            other => return Err(self.expected(&other, "a property, as ipv4-addr:value")),
        };
        self.sign(':', "':'")?;
        let mut steps = vec![self.name()?];
        loop {
            if self.is_sign('.')? {
                steps.push(self.name()?);
            } else if self.is_sign('[')? {
                let index = match self.advance()? {
                    Token::Sign('*') => None,
                    Token::Literal(Literal::Integer(index)) => Some(index),
                    other => return Err(self.expected(&other, "a number or *")),
                };
                self.sign(']', "']'")?;
                steps.push(Step::Index(index));
            } else {
                return Ok(Path { object, steps });
            }
        }
    }

    fn name(&mut self) -> Read<Step<'p>> {
        match self.advance()? {
            Token::Word(name) => Ok(Step::Name(name.into())),
            Token::Literal(Literal::Text(name)) => Ok(Step::Name(name)),
            other => Err(self.expected(&other, "the name of a property")),
        }
    }

    /// One, or several joined by a keyword.
    fn chain<T>(
        &mut self,
        keyword: &str,
        one: impl Fn(&mut Self) -> Read<T>,
        joined: impl Fn(Vec<T>) -> T,
    ) -> Read<T> {
        let first = one(self)?;
        if self.token != Token::Word(keyword) {
            return Ok(first);
        }
        let mut all = vec![first];
        while self.is_word(keyword)? {
            all.push(one(self)?);
        }
        Ok(joined(all))
    }

    fn enter(&mut self) -> Read<()> {
        self.depth += 1;
        if self.depth > DEEPEST {
            return Err(PatternError::Deep);
        }
        Ok(())
    }

    /// The word that is looked at; the next one is looked at afterwards.
    fn advance(&mut self) -> Read<Token<'p>> {
        let (next, at) = self.lexer.next()?;
        self.at = at;
        Ok(std::mem::replace(&mut self.token, next))
    }

    fn is_sign(&mut self, sign: char) -> Read<bool> {
        let is = self.token == Token::Sign(sign);
        if is {
            self.advance()?;
        }
        Ok(is)
    }

    fn is_word(&mut self, word: &str) -> Read<bool> {
        let is = self.token == Token::Word(word);
        if is {
            self.advance()?;
        }
        Ok(is)
    }

    fn sign(&mut self, sign: char, expected: &'static str) -> Read<()> {
        if self.is_sign(sign)? {
            Ok(())
        } else {
            Err(self.unexpected(expected))
        }
    }

    fn word(&mut self, word: &str, expected: &'static str) -> Read<()> {
        if self.is_word(word)? {
            Ok(())
        } else {
            Err(self.unexpected(expected))
        }
    }

    fn unexpected(&self, expected: &'static str) -> PatternError {
        self.expected(&self.token, expected)
    }

    fn expected(&self, found: &Token<'_>, expected: &'static str) -> PatternError {
        let found = match found {
            Token::Word(word) => format!("'{}'", crate::feeds::address::clip(word)),
            Token::Literal(_) => "a value".into(),
            Token::Sign('!') => "'!='".into(),
            Token::Sign(sign) => format!("'{sign}'"),
            Token::End => "the end".into(),
        };
        PatternError::Form {
            found,
            expected,
            at: self.at,
        }
    }
}
