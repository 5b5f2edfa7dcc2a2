//! How widely an object may be told.

use std::collections::HashMap;

use crate::feeds::item::Tlp;

/// The statements of the Traffic Light Protocol that every producer uses: STIX 2.1, section
/// 7.2.1.4, and the extension of OASIS for version 2 of the protocol.
const KNOWN: [(&str, Tlp); 9] = [
    (
        "marking-definition--613f2e26-407d-48c7-9eca-b8e91df99dc9",
        Tlp::Clear,
    ),
    (
        "marking-definition--34098fce-860f-48ae-8e50-ebd3cc5e41da",
        Tlp::Green,
    ),
    (
        "marking-definition--f88d31f6-486f-44da-b317-01333bde0b82",
        Tlp::Amber,
    ),
    (
        "marking-definition--5e57c739-391a-4eb3-b6be-7d15ca92d5ed",
        Tlp::Red,
    ),
    (
        "marking-definition--94868c89-83c2-464b-929b-a1a8aa3c8487",
        Tlp::Clear,
    ),
    (
        "marking-definition--bab4a63c-aed9-4cf5-a766-dfca5abac2bb",
        Tlp::Green,
    ),
    (
        "marking-definition--55d920b0-5e8b-4f79-9ee9-91f868d9b421",
        Tlp::Amber,
    ),
    (
        "marking-definition--939a9414-2ddd-4d32-a0cd-375ea402b003",
        Tlp::AmberStrict,
    ),
    (
        "marking-definition--e828b379-4e03-4974-9ac4-e53a884c97c1",
        Tlp::Red,
    ),
];

/// Definitions of a bundle's own that are remembered.
const MOST: usize = 1000;

/// Markings that are known so far.
#[derive(Debug, Default)]
pub(super) struct Markings(HashMap<String, Tlp>);

impl Markings {
    /// Remembers a definition.
    pub(super) fn define(&mut self, id: &str, tlp: Tlp) {
        if self.0.len() < MOST && id.len() < 256 {
            self.0.insert(id.into(), tlp);
        }
    }

    /// What a marking says.
    pub(super) fn of(&self, id: &str) -> Option<Tlp> {
        let known = KNOWN.into_iter().find(|(known, _)| *known == id);
        known
            .map(|(_, tlp)| tlp)
            .or_else(|| self.0.get(id).copied())
    }
}
