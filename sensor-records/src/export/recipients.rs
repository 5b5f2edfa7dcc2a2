//! Who may have a row.

use std::{fmt, ops::Deref, sync::Arc};

use super::Item;
use crate::{Notice, Under};

/// The recipient of an exporter, as approvals name it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Recipient(String);

/// An item that its recipient may have. Nothing else makes one than [`Recipient::admit`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Admitted(Arc<Item>);

impl Recipient {
    /// The recipient of this name. Approvals must name it by exactly the same characters.
    pub fn new(name: impl Into<String>) -> Self {
        Self(name.into())
    }

    /// The item, if its approval lets this recipient have it: it names it, or it is of lab and
    /// names nobody. What is under several approvals needs all of them; what is under none is
    /// for nobody.
    pub fn admit(&self, item: &Arc<Item>) -> Option<Admitted> {
        self.may_have(item.notice())
            .then(|| Admitted(Arc::clone(item)))
    }

    fn may_have(&self, notice: &Notice) -> bool {
        let approvals = &notice.approvals;
        !approvals.is_empty() && approvals.iter().all(|under| self.is_named_by(under))
    }

    fn is_named_by(&self, under: &Under) -> bool {
        match &under.handling.recipients {
            None => true,
            Some(names) => names.iter().any(|name| **name == *self.0),
        }
    }
}

impl fmt::Display for Recipient {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl Deref for Admitted {
    type Target = Item;

    fn deref(&self) -> &Item {
        &self.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::export::samples;

    fn under(names: Option<&[&str]>) -> Arc<Item> {
        let mut record = samples::record(1);
        record.notice.approvals[0].handling = samples::handling(names);
        Arc::new(Item::Flow(record))
    }

    #[test]
    fn a_recipient_has_rows_that_name_it_and_those_of_lab() {
        let cert = Recipient::new("cert.example");
        assert!(cert.admit(&under(None)).is_some());
        assert!(cert.admit(&under(Some(&["soc", "cert.example"]))).is_some());
        for others in [&[][..], &["soc"], &["cert.example.org"], &["CERT.example"]] {
            assert!(cert.admit(&under(Some(others))).is_none(), "{others:?}");
        }
    }

    #[test]
    fn every_approval_must_name_it_and_there_must_be_one() {
        let cert = Recipient::new("cert");
        let mut record = samples::record(1);
        let mut other = record.notice.approvals[0].clone();
        other.handling = samples::handling(Some(&["soc"]));
        record.notice.approvals.push(other);
        assert!(cert.admit(&Arc::new(Item::Flow(record.clone()))).is_none());
        record.notice.approvals.clear();
        assert!(cert.admit(&Arc::new(Item::Flow(record))).is_none());
    }
}
