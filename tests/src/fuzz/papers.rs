//! Papers, and by whom they are signed.

use std::sync::Arc;

use sekisho::documents::{
    AllowedSigners, Body, Digest, Key, Kind, Paper, Role, Signature,
    paper::{PaperError, write},
};

/// A document of any kind: what was read is written so that it is read the same.
pub(super) fn paper(input: &[u8]) {
    let bytes: Arc<[u8]> = input.into();
    let paper = match Paper::read("fuzz.toml", &bytes) {
        Ok(paper) => paper,
        Err(error) => return told(&error, input),
    };
    assert_eq!(paper.digest, Digest::of(input));
    assert!(paper.number > 0);
    let text = match written(&paper.body) {
        Ok(text) => text,
        Err(error) => panic!("read and not written: {error}"),
    };
    let again = match Paper::read("again.toml", &text.as_bytes().into()) {
        Ok(again) => again,
        Err(error) => panic!("written and not read: {error}"),
    };
    assert_eq!((paper.kind(), paper.number), (again.kind(), again.number));
    assert_eq!(format!("{:?}", paper.body), format!("{:?}", again.body));
    assert_eq!(written(&again.body).ok(), Some(text));
}

/// A message names a line that is there, and does not steer a terminal.
fn told(error: &PaperError, input: &[u8]) {
    if let PaperError::Line { line, .. } = error {
        let lines = input.split(|byte| *byte == b'\n').count();
        assert!((1..=lines).contains(line), "{line} of {lines}");
    }
}

fn written(body: &Body) -> Result<String, PaperError> {
    match body {
        Body::Keyring(one) => write(one),
        Body::Policy(one) => write(one),
        Body::Territory(one) => Ok(one.write()),
        Body::Exclusion(one) => write(one),
        Body::Revocation(one) => write(one),
        Body::Stop(one) => write(one),
        Body::Lift(one) => write(one),
        Body::Consent(one) => write(one),
        Body::Request(one) => write(&**one),
        Body::Approval(one) => write(one),
        Body::Standing(one) => write(one),
        Body::Finding(one) => write(one),
    }
}

/// Nobody has signed this.
const NEVER_SIGNED: &[u8] = b"nobody has signed this\n";

/// A signature, a key, a file of signers.
pub(super) fn signature(input: &[u8]) {
    if let Ok(signature) = Signature::read(input) {
        assert_eq!(signature.digest(), Digest::of(input));
        same_key(signature.key());
        for kind in Kind::ALL {
            assert!(signature.verify(kind, NEVER_SIGNED).is_err());
        }
    }
    if let Ok(key) = Key::of_blob(input) {
        assert_eq!(key.blob(), input);
        same_key(&key);
    }
    if let Ok(text) = str::from_utf8(input)
        && let Ok(key) = Key::read(text)
    {
        same_key(&key);
    }
    if let Ok(signers) = AllowedSigners::read(input) {
        for line in signers.lines() {
            same_key(&line.key);
            for principal in &line.principals {
                assert_eq!(principal.to_string().parse().as_ref(), Ok(principal));
                assert!(signers.is_of(&line.key, principal));
                assert!(signers.keys_of(principal).contains(&line.key));
            }
        }
        assert_eq!(signers.overseers(), signers.principals(Role::Overseer));
    }
}

fn same_key(key: &Key) {
    assert_eq!(Key::of_blob(&key.blob()).as_ref(), Ok(key));
    assert_eq!(Key::read(&key.to_string()).as_ref(), Ok(key));
}
