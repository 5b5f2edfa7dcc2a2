//! Whose keys count, for what, and from when to when: an `allowed_signers` file of OpenSSH.
//!
//! The file is that of ssh-keygen(1), so that anybody can check a signature with `ssh-keygen -Y
//! verify` and come to the same result. It is read more strictly: ssh-keygen skips a line that it
//! cannot read and takes one that says nothing about namespaces for all of them. Here the whole
//! file is refused at the first such line, by its number and its rule. What is refused here is
//! never taken for more than ssh-keygen takes it for.

mod fault;
mod line;
mod step;
#[cfg(test)]
mod tests;

use std::collections::{BTreeMap, BTreeSet};

use super::{Key, Kind, Principal, Role};

pub use fault::{SignersError, SignersFault};
pub use line::Line;
pub use step::StepFault;

/// The longest file, in bytes.
pub const MAX_SIGNERS: usize = 256 * 1024;

/// A file that was read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AllowedSigners {
    lines: Vec<Line>,
}

impl AllowedSigners {
    /// From the bytes of a file.
    pub fn read(bytes: &[u8]) -> Result<Self, SignersError> {
        let text = text(bytes)?;
        let mut lines = Vec::new();
        let mut roles = Roles::default();
        for (number, line) in (1..).zip(text.lines()) {
            let error = |fault| SignersError {
                line: number,
                fault,
            };
            if let Some(line) = Line::read(number, line).map_err(error)? {
                roles.add(&line).map_err(error)?;
                lines.push(line);
            }
        }
        Ok(Self { lines })
    }

    /// The lines that name keys, in their order.
    pub fn lines(&self) -> &[Line] {
        &self.lines
    }

    /// The principals of a role.
    pub fn principals(&self, role: Role) -> BTreeSet<&Principal> {
        let all = self.lines.iter().flat_map(|line| &line.principals);
        all.filter(|principal| principal.role == role).collect()
    }

    /// The overseers, by their names: one of them may have several keys.
    pub fn overseers(&self) -> BTreeSet<&Principal> {
        self.principals(Role::Overseer)
    }

    /// The principals that a key is of, whatever the namespaces and dates.
    pub fn principals_of(&self, key: &Key) -> BTreeSet<&Principal> {
        let of_key = self.lines.iter().filter(|line| line.key == *key);
        of_key.flat_map(|line| &line.principals).collect()
    }

    /// The keys of a principal, whatever the namespaces and dates.
    pub fn keys_of(&self, principal: &Principal) -> BTreeSet<&Key> {
        let of_principal = self
            .lines
            .iter()
            .filter(|line| line.principals.contains(principal));
        of_principal.map(|line| &line.key).collect()
    }

    /// The keys that stand under more than one overseer, with those.
    ///
    /// The file may have them, but two names with one key are one signature.
    pub fn shared_overseer_keys(&self) -> BTreeMap<&Key, BTreeSet<&Principal>> {
        let mut by_key: BTreeMap<_, BTreeSet<_>> = BTreeMap::new();
        for line in &self.lines {
            let overseers = line
                .principals
                .iter()
                .filter(|principal| principal.role == Role::Overseer);
            by_key.entry(&line.key).or_default().extend(overseers);
        }
        by_key.retain(|_, overseers| overseers.len() > 1);
        by_key
    }

    /// Whether a key is a principal's, whatever the namespaces and dates.
    pub fn is_of(&self, key: &Key, principal: &Principal) -> bool {
        self.lines.iter().any(|line| line.has(principal, key))
    }

    /// Whether a line has this principal, key and kind, whatever its dates.
    pub fn has(&self, principal: &Principal, key: &Key, kind: Kind) -> bool {
        self.lines
            .iter()
            .any(|line| line.has(principal, key) && line.namespaces.contains(&kind))
    }
}

/// The text of a file without what nobody can see.
fn text(bytes: &[u8]) -> Result<&str, SignersError> {
    let line_of = |end: usize| {
        let before = bytes.get(..end).unwrap_or(bytes);
        let lines = before.split(|byte| *byte == b'\n').count();
        u32::try_from(lines).unwrap_or(u32::MAX)
    };
    let error = |at, fault| SignersError {
        line: line_of(at),
        fault,
    };
    if bytes.len() > MAX_SIGNERS {
        return Err(error(MAX_SIGNERS, SignersFault::TooLong));
    }
    let text = str::from_utf8(bytes).map_err(|e| error(e.valid_up_to(), SignersFault::NoUtf8))?;
    let is_bad = |character: char| character.is_control() && character != '\n';
    match text.char_indices().find(|(_, at)| is_bad(*at)) {
        Some((at, character)) => Err(error(at, SignersFault::Control(character.into()))),
        None => Ok(text),
    }
}

/// What every key and every name was on the lines before.
#[derive(Default)]
struct Roles {
    keys: BTreeMap<Key, Principal>,
    names: BTreeMap<String, Role>,
}

impl Roles {
    /// An overseer is nothing else, neither by key nor by name.
    ///
    /// The first principal of a key or a name is enough: either all of them are overseers or none
    /// is.
    fn add(&mut self, line: &Line) -> Result<(), SignersFault> {
        for principal in &line.principals {
            let is_overseer = principal.role == Role::Overseer;
            let first = self
                .keys
                .entry(line.key.clone())
                .or_insert_with(|| principal.clone());
            if (first.role == Role::Overseer) != is_overseer {
                return Err(SignersFault::OverseerKey {
                    key: line.key.fingerprint(),
                    first: first.to_string(),
                    second: principal.to_string(),
                });
            }
            let name = principal.name.clone();
            let first = *self.names.entry(name).or_insert(principal.role);
            if (first == Role::Overseer) != is_overseer {
                return Err(SignersFault::OverseerName {
                    name: principal.name.clone(),
                    other: if is_overseer { first } else { principal.role },
                });
            }
        }
        Ok(())
    }
}
