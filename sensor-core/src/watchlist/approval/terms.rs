//! A slot's terms in words, for snapshots.

use sensor_common::{Class, Direction, Fields, Slot};
use serde::{Deserialize, Deserializer, Serialize, Serializer, de::Error as _};

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Words {
    begin: u64,
    end: u64,
    interfaces: Vec<u8>,
    own_addresses_only: Vec<u8>,
    epoch: u32,
    fields: Vec<String>,
    operator: Operator,
    classes: Vec<String>,
    directions: Vec<String>,
}

#[derive(Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
enum Operator {
    None,
    Number(u16),
    Any,
}

pub(super) fn serialize<S: Serializer>(slot: &Slot, serializer: S) -> Result<S::Ok, S::Error> {
    let Slot {
        begin,
        end,
        interfaces,
        own_addresses_only,
        epoch,
        fields,
        operator,
        classes,
        directions,
        reserved: _,
    } = *slot;
    let named = |has: &dyn Fn(u8) -> bool, names: &[&str]| {
        let all = (0..).zip(names);
        all.filter(|(bit, _)| has(*bit))
            .map(|(_, name)| (*name).to_owned())
            .collect()
    };
    Words {
        begin,
        end,
        interfaces: bits(interfaces),
        own_addresses_only: bits(own_addresses_only),
        epoch,
        fields: Fields::NAMED
            .into_iter()
            .filter(|(_, field)| fields.has(*field))
            .map(|(name, _)| name.to_owned())
            .collect(),
        operator: match operator {
            0 => Operator::None,
            Slot::ANY_OPERATOR => Operator::Any,
            number => Operator::Number(number),
        },
        classes: named(&|bit| classes >> bit & 1 == 1, &Class::ALL.map(Class::name)),
        directions: named(
            &|bit| directions >> bit & 1 == 1,
            &Direction::ALL.map(Direction::name),
        ),
    }
    .serialize(serializer)
}

pub(super) fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Slot, D::Error> {
    let words = Words::deserialize(deserializer)?;
    let mut fields = Fields::NONE;
    for name in &words.fields {
        let mut all = Fields::NAMED.into_iter();
        let Some((_, field)) = all.find(|(known, _)| known == name) else {
            return Err(D::Error::custom(format!("no field is called '{name}'")));
        };
        fields = fields.union(field);
    }
    Ok(Slot {
        begin: words.begin,
        end: words.end,
        interfaces: mask::<D>(&words.interfaces)?,
        own_addresses_only: mask::<D>(&words.own_addresses_only)?,
        epoch: words.epoch,
        fields,
        operator: match words.operator {
            Operator::None => 0,
            Operator::Any => Slot::ANY_OPERATOR,
            Operator::Number(number) => number,
        },
        classes: numbers::<D>(&words.classes, &Class::ALL.map(Class::name))?,
        directions: numbers::<D>(&words.directions, &Direction::ALL.map(Direction::name))?,
        reserved: [0; 6],
    })
}

fn bits(mask: u64) -> Vec<u8> {
    (0..64).filter(|bit| mask >> bit & 1 == 1).collect()
}

fn mask<'de, D: Deserializer<'de>>(bits: &[u8]) -> Result<u64, D::Error> {
    bits.iter()
        .try_fold(0, |mask, bit| match 1u64.checked_shl(u32::from(*bit)) {
            Some(one) => Ok(mask | one),
            None => Err(D::Error::custom(format!("no interface slot {bit}"))),
        })
}

fn numbers<'de, D: Deserializer<'de>>(names: &[String], known: &[&str]) -> Result<u8, D::Error> {
    names.iter().try_fold(0, |mask, name| {
        match known.iter().position(|known| known == name) {
            Some(number) => Ok(mask | 1 << number),
            None => Err(D::Error::custom(format!("'{name}' is none of {known:?}"))),
        }
    })
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[derive(Debug, PartialEq, Serialize, Deserialize)]
    struct Held(#[serde(with = "super")] Slot);

    proptest! {
        #[test]
        fn terms_in_words_are_the_same_terms(
            times in any::<(u64, u64)>(),
            interfaces in any::<(u64, u64)>(),
            (epoch, operator) in any::<(u32, u16)>(),
            (classes, directions, fields) in (0..8u8, 0..8u8, 0..=Fields::ALL.0),
        ) {
            let held = Held(Slot {
                begin: times.0,
                end: times.1,
                interfaces: interfaces.0,
                own_addresses_only: interfaces.1,
                epoch,
                fields: Fields(fields),
                operator,
                classes,
                directions,
                reserved: [0; 6],
            });
            let text = serde_json::to_string(&held).unwrap();
            prop_assert_eq!(serde_json::from_str::<Held>(&text).unwrap(), held);
        }
    }
}
