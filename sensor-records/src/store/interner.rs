//! Names under small numbers. What a transaction adds is taken back when it fails.

use std::{collections::HashMap, hash::Hash};

use foldhash::fast::RandomState;

/// Numbers of names.
#[derive(Debug)]
pub(super) struct Interner<K> {
    ids: HashMap<K, i64, RandomState>,
    next: i64,
    fresh: Vec<(K, i64)>,
}

impl<K: Clone + Eq + Hash> Interner<K> {
    pub(super) fn new(known: impl IntoIterator<Item = (K, i64)>) -> Self {
        let ids: HashMap<K, i64, RandomState> = known.into_iter().collect();
        let next = ids.values().max().map_or(1, |last| last.saturating_add(1));
        Self {
            ids,
            next,
            fresh: Vec::new(),
        }
    }

    /// Numbers begin here at least: those of what was erased are not given again.
    pub(super) fn not_below(mut self, next: i64) -> Self {
        self.next = self.next.max(next);
        self
    }

    pub(super) fn id<Q>(&mut self, key: &Q) -> i64
    where
        K: std::borrow::Borrow<Q>,
        Q: Eq + Hash + ToOwned<Owned = K> + ?Sized,
    {
        if let Some(&id) = self.ids.get(key) {
            return id;
        }
        let (owned, id) = (key.to_owned(), self.next);
        self.next += 1;
        self.ids.insert(owned.clone(), id);
        self.fresh.push((owned, id));
        id
    }

    /// What has a number since the last commit.
    pub(super) fn fresh(&self) -> &[(K, i64)] {
        &self.fresh
    }

    pub(super) const fn next(&self) -> i64 {
        self.next
    }

    /// They are on the disk.
    pub(super) fn keep(&mut self) {
        self.fresh.clear();
    }

    /// They are not.
    pub(super) fn take_back(&mut self) {
        for (key, id) in self.fresh.drain(..).rev() {
            self.ids.remove(&key);
            self.next = id;
        }
    }

    /// Forgets those whose numbers are not to be kept.
    pub(super) fn retain(&mut self, keep: impl Fn(i64) -> bool) {
        self.ids.retain(|_, id| keep(*id));
    }
}
