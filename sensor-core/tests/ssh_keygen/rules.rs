//! The rules by which Sekisho is stricter than ssh-keygen, by their names.

use sensor_core::documents::{NoKey, NoPrincipal, SignatureFault, SignersFault, StepFault};

/// Why we refuse.
#[derive(Debug)]
pub(crate) enum Refusal {
    /// ssh-keygen has to refuse it too.
    Both(#[expect(dead_code, reason = "printed when a test fails")] String),
    /// By a rule that ssh-keygen does not have.
    Stricter(&'static str),
}

/// ssh-keygen skips a line that it cannot read, and goes on: all of these may be taken by it.
pub(crate) fn rule_of_file(fault: &SignersFault) -> Refusal {
    Refusal::Stricter(match fault {
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
    Refusal::Stricter(match fault {
        SignatureFault::Second => "signature: second one",
        SignatureFault::Trailing => "signature: data behind it",
        SignatureFault::NoLineEnd => "signature: no last line end",
        SignatureFault::CarriageReturn => "signature: CR LF",
        SignatureFault::Base64 => "signature: blanks in the base64",
        SignatureFault::Columns => "signature: other columns",
        SignatureFault::Version(0) => "signature: version 0",
        SignatureFault::Reserved => "signature: reserved part not empty",
        SignatureFault::Written => "signature: zeros before a number",
        SignatureFault::Key(NoKey::Rsa) => "signature: RSA key",
        other => return Refusal::Both(other.to_string()),
    })
}

/// Apart from the touch both decide alike; `is_beyond` says that the pair was made with a number
/// of ed25519 that is not reduced (RFC 8032, section 5.1.7), which OpenSSH 9.2 takes.
pub(crate) fn rule_of_step(fault: &StepFault, is_beyond: bool) -> Refusal {
    match fault {
        StepFault::NoTouch => Refusal::Stricter("step: no touch"),
        StepFault::Unfit if is_beyond => Refusal::Stricter("step: ed25519 number not reduced"),
        other => Refusal::Both(other.to_string()),
    }
}
