//! What says where addresses lie.

use std::net::IpAddr;

use sekisho::{
    feeds,
    places::{Layers, Territory, corrections, delegated as statistics, explain, flatten, list},
};

/// Everything that a territory is built from or written as.
pub(super) fn delegated(input: &[u8]) {
    if let Ok(read) = statistics::decode("fuzz", input) {
        for record in &read.records {
            let prefixes = record.block.prefixes();
            assert!(!prefixes.is_empty());
            assert!(prefixes.iter().all(|prefix| prefix.trunc() == *prefix));
        }
        let mut items = 0_usize;
        let mut sink = |_: feeds::item::At<'_>, _: feeds::item::Item<'_>| items += 1;
        let decoded = feeds::delegated::decode("fuzz", input, &mut sink);
        assert!(decoded.is_ok());
    }
    let _ = corrections::decode("fuzz", input);
    let _ = list::decode("fuzz", input);
    if let Ok(exclusions) = list::exclusions("fuzz", input) {
        let ends: Vec<IpAddr> = (exclusions.iter())
            .flat_map(|exclusion| [exclusion.prefix.network(), exclusion.prefix.broadcast()])
            .collect();
        let layers = Layers {
            exclusions,
            ..Layers::lab()
        };
        flat(&layers, &ends);
    }
    if let Ok(territory) = Territory::read("fuzz", input) {
        let text = territory.write();
        let again = Territory::read("again", text.as_bytes());
        assert_eq!(again.as_ref().ok(), Some(&territory), "{again:?}");
        let ends: Vec<IpAddr> = (territory.rows.iter())
            .flat_map(|row| [row.prefix.network(), row.prefix.broadcast()])
            .collect();
        flat(&Layers::of(territory), &ends);
    }
}

/// The ranges that the kernel has say what the layers say.
fn flat(layers: &Layers, addresses: &[IpAddr]) {
    let Ok(flat) = flatten(layers) else {
        return;
    };
    for address in addresses {
        let explained = explain(layers, *address);
        assert_eq!(flat.place(*address), explained.place, "{address}");
    }
}
