//! The words of a pattern.

use std::borrow::Cow;

use super::{Literal, PatternError};
use crate::feeds::address::clip;

/// A word.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Token<'p> {
    /// A name or a keyword; keywords are in capitals and names of STIX are not.
    Word(&'p str),
    Literal(Literal<'p>),
    /// Punctuation: one of `[]().,:*=`, `!` for "not equal", `<` for an order.
    Sign(char),
    End,
}

/// Cuts a pattern into words.
#[derive(Clone, Debug)]
pub(super) struct Lexer<'p> {
    text: &'p str,
    at: usize,
}

impl<'p> Lexer<'p> {
    pub(super) const fn new(text: &'p str) -> Self {
        Self { text, at: 0 }
    }

    /// The next word, and where it begins.
    pub(super) fn next(&mut self) -> Result<(Token<'p>, usize), PatternError> {
        self.pass_space()?;
        let begin = self.at;
        let Some(first) = self.rest().chars().next() else {
            return Ok((Token::End, begin));
        };
        let token = match first {
            '[' | ']' | '(' | ')' | '.' | ',' | ':' | '*' => self.sign(1, first),
            '=' if self.rest().starts_with("==") => self.sign(2, '='),
            '=' => self.sign(1, '='),
            '!' if self.rest().starts_with("!=") => self.sign(2, '!'),
            '<' if self.rest().starts_with("<>") => self.sign(2, '!'),
            '<' | '>' => {
                let width = if self.rest()[1..].starts_with('=') {
                    2
                } else {
                    1
                };
                self.sign(width, '<')
            }
            '\'' => Token::Literal(Literal::Text(self.quoted()?)),
            't' | 'h' | 'b' if self.rest()[1..].starts_with('\'') => {
                self.at += 1;
                let text = self.quoted()?;
                Token::Literal(if first == 't' {
                    Literal::Timestamp(text)
                } else {
                    Literal::Binary(text)
                })
            }
            '0'..='9' | '-' | '+' => self.number()?,
            'a'..='z' | 'A'..='Z' | '_' => self.word(),
            _ => return Err(self.unexpected("a word of a pattern")),
        };
        Ok((token, begin))
    }

    fn rest(&self) -> &'p str {
        self.text.get(self.at..).unwrap_or_default()
    }

    /// Spaces and comments.
    fn pass_space(&mut self) -> Result<(), PatternError> {
        loop {
            let rest = self.rest().trim_start();
            self.at = self.text.len() - rest.len();
            let passed = if rest.starts_with("//") {
                rest.find('\n').unwrap_or(rest.len())
            } else if rest.starts_with("/*") {
                let end = rest.find("*/");
                end.ok_or_else(|| self.unexpected("the end of the comment"))? + 2
            } else {
                return Ok(());
            };
            self.at += passed;
        }
    }

    fn sign(&mut self, width: usize, sign: char) -> Token<'p> {
        self.at += width;
        Token::Sign(sign)
    }

    /// A text in single quotes; a backslash stands before a quote or a backslash.
    fn quoted(&mut self) -> Result<Cow<'p, str>, PatternError> {
        let begin = self.at + 1;
        let mut owned: Option<String> = None;
        let mut is_escaped = false;
        for (at, character) in self.text[begin..].char_indices() {
            match character {
                '\\' if !is_escaped => {
                    owned.get_or_insert_with(|| self.text[begin..begin + at].into());
                    is_escaped = true;
                    continue;
                }
                '\'' if !is_escaped => {
                    self.at = begin + at + 1;
                    let plain = Cow::Borrowed(&self.text[begin..begin + at]);
                    return Ok(owned.map_or(plain, Cow::Owned));
                }
                _ => {}
            }
            if let Some(owned) = &mut owned {
                owned.push(character);
            }
            is_escaped = false;
        }
        Err(self.unexpected("the end of the text"))
    }

    fn number(&mut self) -> Result<Token<'p>, PatternError> {
        let rest = self.rest();
        let is_part = |c: char| c.is_ascii_digit() || c == '.';
        let signed = rest.strip_prefix(['-', '+']).unwrap_or(rest);
        let digits = signed.find(|c| !is_part(c)).unwrap_or(signed.len());
        let text = &rest[..rest.len() - signed.len() + digits];
        let is_number = signed[..digits].bytes().any(|byte| byte.is_ascii_digit())
            && signed[..digits].matches('.').count() <= 1;
        if !is_number {
            return Err(self.unexpected("a number"));
        }
        self.at += text.len();
        let literal = text.parse().map_or(Literal::Float(text), Literal::Integer);
        Ok(Token::Literal(literal))
    }

    fn word(&mut self) -> Token<'p> {
        let rest = self.rest();
        let is_part = |c: char| c.is_ascii_alphanumeric() || matches!(c, '_' | '-');
        let end = rest.find(|c| !is_part(c)).unwrap_or(rest.len());
        self.at += end;
        match &rest[..end] {
            "true" | "TRUE" => Token::Literal(Literal::Bool(true)),
            "false" | "FALSE" => Token::Literal(Literal::Bool(false)),
            word => Token::Word(word),
        }
    }

    fn unexpected(&self, expected: &'static str) -> PatternError {
        PatternError::Form {
            found: format!("'{}'", clip(self.rest())),
            expected,
            at: self.at,
        }
    }
}
