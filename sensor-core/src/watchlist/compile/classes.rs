//! Distinct masks of approvals under small numbers, so that ten million sets share a few.

use std::collections::HashMap;

use sensor_common::SlotMask;

use super::SetId;

/// Masks by number; 0 is the empty one. Groups are those that a set has, in the order in which
/// they first come.
pub(super) struct Classes {
    masks: Vec<SlotMask>,
    numbers: HashMap<SlotMask, u32>,
    unions: HashMap<(u32, u32), u32>,
    /// The group of each class that a set has.
    groups: Vec<Option<u32>>,
    masks_of_groups: Vec<SlotMask>,
    group_of_set: Vec<u32>,
}

impl Default for Classes {
    fn default() -> Self {
        let mut classes = Self {
            masks: Vec::new(),
            numbers: HashMap::new(),
            unions: HashMap::new(),
            groups: Vec::new(),
            masks_of_groups: Vec::new(),
            group_of_set: Vec::new(),
        };
        // Row 0 belongs to no set.
        let none = classes.number(SlotMask::EMPTY);
        classes.put(none);
        classes
    }
}

impl Classes {
    /// The number of a mask.
    pub(super) fn number(&mut self, mask: SlotMask) -> u32 {
        *self.numbers.entry(mask).or_insert_with(|| {
            self.masks.push(mask);
            self.groups.push(None);
            u32::try_from(self.masks.len() - 1).unwrap_or(u32::MAX)
        })
    }

    /// The number of both together.
    pub(super) fn union(&mut self, a: u32, b: u32) -> u32 {
        match (a, b) {
            (0, one) | (one, 0) => return one,
            (a, b) if a == b => return a,
            _ => {}
        }
        if let Some(known) = self.unions.get(&(a, b)) {
            return *known;
        }
        let both = self.masks[a as usize].union(&self.masks[b as usize]);
        let number = self.number(both);
        self.unions.insert((a, b), number);
        number
    }

    /// The class of a set that has one.
    pub(super) fn of(&mut self, SetId(set): SetId) -> u32 {
        let group = self.group_of_set.get(set as usize);
        let mask = group.and_then(|&group| self.masks_of_groups.get(group as usize));
        mask.copied().map_or(0, |mask| self.number(mask))
    }

    /// Makes room for so many sets more.
    pub(super) fn reserve(&mut self, sets: usize) {
        self.group_of_set.reserve(sets);
    }

    /// The next set has this class.
    pub(super) fn put(&mut self, class: u32) {
        let group = *self.groups[class as usize].get_or_insert_with(|| {
            self.masks_of_groups.push(self.masks[class as usize]);
            u32::try_from(self.masks_of_groups.len() - 1).unwrap_or(u32::MAX)
        });
        self.group_of_set.push(group);
    }

    /// The group of every set, and the mask of every group.
    pub(super) fn into_groups(self) -> (Vec<u32>, Vec<SlotMask>) {
        (self.group_of_set, self.masks_of_groups)
    }
}
