//! Codes of countries.
//!
//! Only codes that ISO 3166-1 assigns: a misspelt domestic country would make a whole country
//! foreign, and a record under a code that is no country's (`ZZ`, or the registries' `AP` and
//! `EU` for a region) says nothing about whose address it is.

use std::fmt;

use serde::{Deserialize, Serialize};

/// The codes of ISO 3166-1 alpha-2, ascending.
const CODES: &[u8] = b"\
ADAEAFAGAIALAMAOAQARASATAUAWAXAZBABBBDBEBFBGBHBIBJBLBMBNBOBQBRBSBTBVBWBYBZCACCCDCFCGCHCICKCLCM\
CNCOCRCUCVCWCXCYCZDEDJDKDMDODZECEEEGEHERESETFIFJFKFMFOFRGAGBGDGEGFGGGHGIGLGMGNGPGQGRGSGTGUGWGY\
HKHMHNHRHTHUIDIEILIMINIOIQIRISITJEJMJOJPKEKGKHKIKMKNKPKRKWKYKZLALBLCLILKLRLSLTLULVLYMAMCMDMEMF\
MGMHMKMLMMMNMOMPMQMRMSMTMUMVMWMXMYMZNANCNENFNGNINLNONPNRNUNZOMPAPEPFPGPHPKPLPMPNPRPSPTPWPYQARE\
RORSRURWSASBSCSDSESGSHSISJSKSLSMSNSOSRSSSTSVSXSYSZTCTDTFTGTHTJTKTLTMTNTOTRTTTVTWTZUAUGUMUSUYUZ\
VAVCVEVGVIVNVUWFWSYEYTZAZMZW";

/// A country, by its code in ISO 3166-1 alpha-2.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(into = "String", try_from = "String")]
pub struct Country([u8; 2]);

impl Country {
    /// The country with this code in capitals, if there is one.
    pub fn new(code: &str) -> Option<Self> {
        let code: [u8; 2] = code.as_bytes().try_into().ok()?;
        CODES.as_chunks().0.contains(&code).then_some(Self(code))
    }
}

impl fmt::Display for Country {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self([first, second]) = self;
        write!(f, "{}{}", char::from(*first), char::from(*second))
    }
}

impl fmt::Debug for Country {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{self}")
    }
}

impl From<Country> for String {
    fn from(country: Country) -> Self {
        country.to_string()
    }
}

impl TryFrom<String> for Country {
    type Error = String;

    fn try_from(code: String) -> Result<Self, String> {
        Self::new(&code).ok_or_else(|| format!("'{code}' is no country's code in ISO 3166-1"))
    }
}

impl std::str::FromStr for Country {
    type Err = String;

    fn from_str(code: &str) -> Result<Self, String> {
        code.to_owned().try_into()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_codes_are_249_and_ascend() {
        let codes: Vec<&[u8]> = CODES.chunks(2).collect();
        assert_eq!(codes.len(), 249);
        assert!(codes.is_sorted_by(|a, b| a < b));
    }

    #[test]
    fn what_is_no_country_is_none() {
        for code in [
            "", "J", "JPN", "jp", "ZZ", "AP", "EU", "XX", "*", "日", "DA",
        ] {
            assert_eq!(Country::new(code), None, "{code}");
        }
        assert_eq!(Country::new("JP").unwrap().to_string(), "JP");
    }
}
