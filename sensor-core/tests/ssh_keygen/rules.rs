//! The rules by which Sekisho is stricter than ssh-keygen, by their names.

use sensor_core::documents::{NoKey, NoPrincipal, SignatureFault, SignersFault, StepFault};

/// Why we refuse.
#[derive(Debug)]
pub(crate) struct Refusal {
    /// The rule.
    pub(crate) rule: &'static str,
    /// Whether ssh-keygen may take it.
    pub(crate) is_stricter: bool,
}

const fn stricter(rule: &'static str) -> Refusal {
    Refusal {
        rule,
        is_stricter: true,
    }
}

const fn both(rule: &'static str) -> Refusal {
    Refusal {
        rule,
        is_stricter: false,
    }
}

/// ssh-keygen skips a line that it cannot read, and goes on: all of these may be taken by it.
pub(crate) fn rule_of_file(fault: &SignersFault) -> Refusal {
    stricter(match fault {
        SignersFault::TooLong => "file: too long",
        SignersFault::NoUtf8 => "file: no UTF-8",
        SignersFault::Control(_) => "file: control character",
        SignersFault::Fields => "file: line not whole",
        SignersFault::Quoted => "file: quoted principals",
        SignersFault::Principal(NoPrincipal::Wildcard(_)) => "file: wildcard in principals",
        SignersFault::Principal(NoPrincipal::Form(_)) => "file: principal is no role/name",
        SignersFault::NoNamespaces => "file: no namespaces",
        SignersFault::NamespaceWildcard(_) => "file: wildcard in namespaces",
        SignersFault::Namespace(_) => "file: other namespace",
        SignersFault::Authority => "file: cert-authority",
        SignersFault::Option(_) => "file: unknown option",
        SignersFault::OptionForm(_) => "file: form of an option",
        SignersFault::OptionTwice(_) => "file: option twice",
        SignersFault::Zone(_) => "file: date without Z",
        SignersFault::Date(_) => "file: impossible date",
        SignersFault::Order => "file: valid-before not later",
        SignersFault::Key(NoKey::Rsa) => "file: RSA key",
        SignersFault::Key(NoKey::Point) => "file: key is no point",
        SignersFault::Key(_) => "file: other key that is not taken",
        SignersFault::OverseerKey { .. } => "file: overseer's key of another role",
        SignersFault::OverseerName { .. } => "file: overseer's name in another role",
    })
}

/// A signature has to be written as ssh-keygen writes it, not only as it reads it.
pub(crate) fn rule_of_signature(fault: &SignatureFault) -> Refusal {
    match fault {
        SignatureFault::Second => stricter("signature: second one"),
        SignatureFault::Trailing => stricter("signature: data behind it"),
        SignatureFault::NoLineEnd => stricter("signature: no last line end"),
        SignatureFault::CarriageReturn => stricter("signature: CR LF"),
        SignatureFault::Base64 => stricter("signature: blanks in the base64"),
        SignatureFault::Columns => stricter("signature: other columns"),
        SignatureFault::Version(0) => stricter("signature: version 0"),
        SignatureFault::Reserved => stricter("signature: reserved part not empty"),
        SignatureFault::Written => stricter("signature: zeros before a number"),
        SignatureFault::Key(NoKey::Rsa) => stricter("signature: RSA key"),
        SignatureFault::TooLong => both("signature: too long"),
        SignatureFault::NoBegin => both("signature: no begin"),
        SignatureFault::Leading => both("signature: data before it"),
        SignatureFault::NoEnd => both("signature: no end"),
        SignatureFault::Magic => both("signature: no SSHSIG"),
        SignatureFault::Version(_) => both("signature: version"),
        SignatureFault::Cut => both("signature: part cut off"),
        SignatureFault::Inside => both("signature: data inside"),
        SignatureFault::Hash(_) => both("signature: hash"),
        SignatureFault::Key(_) => both("signature: key"),
        SignatureFault::OtherAlgorithm { found, .. } if found.starts_with("webauthn-") => {
            stricter("signature: webauthn")
        }
        SignatureFault::OtherAlgorithm { .. } => both("signature: algorithm"),
        SignatureFault::OtherNamespace { .. } => both("signature: namespace"),
        SignatureFault::Unfit => both("signature: unfit"),
        SignatureFault::NoTouch => both("signature: no touch"),
    }
}

/// Apart from the touch both decide alike; `is_beyond` says that the pair was made with a number
/// of ed25519 that is not reduced (RFC 8032, section 5.1.7), which OpenSSH 9.2 takes.
pub(crate) fn rule_of_step(fault: &StepFault, is_beyond: bool) -> Refusal {
    match fault {
        StepFault::NoTouch => stricter("step: no touch"),
        StepFault::Unfit if is_beyond => stricter("step: ed25519 number not reduced"),
        StepFault::OtherNamespace { .. } => both("step: other namespace"),
        StepFault::Nobody { .. } => both("step: key of nobody"),
        StepFault::OtherPrincipal { .. } => both("step: key of another"),
        StepFault::NotAllowed { .. } => both("step: namespace not allowed"),
        StepFault::NotYet { .. } => both("step: not yet valid"),
        StepFault::NoLonger { .. } => both("step: no longer valid"),
        StepFault::Unfit => both("step: does not fit"),
    }
}
