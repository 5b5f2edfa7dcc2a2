//! What can be wrong with a paper of one kind.

mod approval;
mod consent;
mod ends;
mod extension;
mod keyring;
mod request;
mod rules;
mod standing;

use sensor_core::documents::{Kind, Rule};

use crate::table::{Of, Table};

/// Adds the cases of a sort.
pub(crate) fn add(table: &mut Table) {
    match table.setting.of {
        Of::Kind(Kind::Keyring) => keyring::add(table),
        Of::Kind(Kind::Policy) => rules::policy(table),
        Of::Kind(Kind::Territory) => rules::territory(table),
        Of::Kind(Kind::Exclusion) => rules::exclusion(table),
        Of::Kind(Kind::Revocation) => ends::revocation(table),
        Of::Kind(Kind::Stop) => ends::stop(table),
        Of::Kind(Kind::Lift) => ends::lift(table),
        Of::Kind(Kind::Consent) => consent::add(table),
        Of::Kind(Kind::Request) => request::add(table),
        Of::Extension => extension::add(table),
        Of::Kind(Kind::Approval) => approval::add(table),
        Of::Kind(Kind::Standing) => standing::add(table),
        Of::Kind(Kind::Finding) => standing::finding(table),
    }
}

/// A text that is replaced, and what is said of it.
type Replaced<'a> = (&'a str, &'a str, &'a str, &'a str);

impl Table {
    /// Something else is written in the paper, and it is none: name, old, new, what is said.
    fn forms(&mut self, rows: &[Replaced<'_>]) {
        self.replaced(Rule::Form, rows);
    }

    /// The same with another rule.
    fn replaced(&mut self, rule: Rule, rows: &[Replaced<'_>]) {
        let file = self.setting.file;
        for (name, old, new, says) in rows {
            let change = |world: &mut crate::world::World| {
                world.replace(file, old, new);
            };
            self.add(name, change, (file, rule, says));
        }
    }

    /// The last one is a paper in order; what comes of it is not.
    fn last_is_admitted(&mut self) {
        self.cases.last_mut().unwrap().subject.clear();
    }
}
