//! Every form of a signature that is not taken, and those that are.

use super::super::soft::{Making, Soft, armored, string};
use super::*;

const MESSAGE: &[u8] = b"kind = \"approval\"\n";

fn making() -> Making {
    Making::of("sekisho-approval")
}

fn read(text: &str) -> Result<Signature, SignatureFault> {
    Signature::read(text.as_bytes())
}

fn verified(key: &Soft, making: &Making) -> Result<(), SignatureFault> {
    read(&key.sign(making, MESSAGE))?.verify(Kind::Approval, MESSAGE)
}

fn refused(text: &str) -> String {
    read(text).map(|_| ()).unwrap_err().to_string()
}

#[test]
fn a_signature_of_each_type_of_key_is_read_and_fits_its_message_only() {
    for hash in ["sha256", "sha512"] {
        for key in Soft::all(1) {
            let text = key.sign(&Making { hash, ..making() }, MESSAGE);
            let signature = read(&text).unwrap();
            assert_eq!(signature.key(), &Key::read(&key.line()).unwrap());
            assert_eq!(signature.namespace(), "sekisho-approval");
            assert_eq!(signature.digest(), Digest::of(text.as_bytes()));
            assert_eq!(signature.verify(Kind::Approval, MESSAGE), Ok(()));
            let unfit = Err(SignatureFault::Unfit);
            assert_eq!(signature.verify(Kind::Approval, b""), unfit);
            let other = signature.verify(Kind::Request, MESSAGE).unwrap_err();
            assert_eq!(
                other.to_string(),
                "made for the namespace 'sekisho-approval'; \
                 sign with ssh-keygen -Y sign -n sekisho-request"
            );
        }
    }
}

#[test]
fn a_security_key_has_to_be_touched_and_its_other_flags_and_counter_are_signed() {
    for key in &Soft::all(2)[3..] {
        for (flags, counter) in [(1, 0), (5, 7), (0x45, u32::MAX)] {
            let making = Making {
                flags,
                counter,
                ..making()
            };
            assert_eq!(verified(key, &making), Ok(()));
        }
        for flags in [0, 4, 0xfe] {
            let untouched = Making { flags, ..making() };
            assert_eq!(verified(key, &untouched), Err(SignatureFault::NoTouch));
        }
        let elsewhere = Making {
            application: Some("ssh:elsewhere"),
            ..making()
        };
        assert_eq!(verified(key, &elsewhere), Err(SignatureFault::Unfit));
        // The flags and the counter are the last five bytes.
        let text = key.sign(
            &Making {
                flags: 0,
                ..making()
            },
            MESSAGE,
        );
        let blob = armor::open(text.as_bytes()).unwrap();
        for at in 1..=5 {
            let mut altered = blob.clone();
            let place = altered.len() - at;
            altered[place] ^= 1;
            let signature = read(&armored(&altered, 70)).unwrap();
            let result = signature.verify(Kind::Approval, MESSAGE);
            assert_eq!(result, Err(SignatureFault::Unfit), "{at}");
        }
    }
}

#[test]
fn a_signature_stands_alone_in_its_file_as_ssh_keygen_writes_it() {
    let good = Soft::all(3)[0].sign(&making(), MESSAGE);
    let body = &good[30..good.len() - 29];
    let cases = [
        String::new(),
        good.replace("BEGIN", "begin"),
        format!("\n{good}"),
        good[..good.len() - 30].into(),
        format!("{good}{good}"),
        format!("{good}x"),
        format!("{good}\n"),
        good.trim_end().into(),
        good.replace('\n', "\r\n"),
        good.replace("AAAA", "AA!A"),
        good.replace(body, &body[..69]),
        good.replace(body, &body.replace('\n', " ")),
        Soft::all(3)[0].sign(
            &Making {
                columns: 64,
                ..making()
            },
            MESSAGE,
        ),
        good.replacen('\n', "\n\n", 1),
        format!("{good}{}", " ".repeat(MAX_SIGNATURE - good.len())),
        format!("{good}{}", " ".repeat(MAX_SIGNATURE + 1 - good.len())),
    ];
    let refusals: Vec<String> = cases.iter().map(|text| refused(text)).collect();
    insta::assert_snapshot!(refusals.join("\n"), @"
    this is no signature: it has no line -----BEGIN SSH SIGNATURE-----
    this is no signature: it has no line -----BEGIN SSH SIGNATURE-----
    data before -----BEGIN SSH SIGNATURE-----; leave only the signature in the file
    the signature is cut off: the line -----END SSH SIGNATURE----- is not there
    a second signature in one file; write each into a file of its own
    data after -----END SSH SIGNATURE-----; leave only the signature in the file
    data after -----END SSH SIGNATURE-----; leave only the signature in the file
    the last line has no end; copy the signature as ssh-keygen wrote it
    lines end with CR LF; copy the signature as ssh-keygen wrote it, with LF alone
    the signature is no whole base64; copy it as ssh-keygen wrote it
    the signature is no whole base64; copy it as ssh-keygen wrote it
    the signature is no whole base64; copy it as ssh-keygen wrote it
    the lines are not of 70 columns; copy the signature as ssh-keygen wrote it
    the lines are not of 70 columns; copy the signature as ssh-keygen wrote it
    data after -----END SSH SIGNATURE-----; leave only the signature in the file
    a signature has at most 4096 bytes; give the file that ssh-keygen wrote
    ");
}

#[test]
fn the_parts_of_a_signature_are_those_of_ssh_keygen() {
    let [ed25519, p256, p384, sk_ed25519, sk_p256] = Soft::all(4);
    let of = |key: &Soft, set: fn(&mut Making)| {
        let mut making = making();
        set(&mut making);
        refused(&key.sign(&making, MESSAGE))
    };
    let blob = armor::open(ed25519.sign(&making(), MESSAGE).as_bytes()).unwrap();
    let with_key = |key: &[u8]| {
        let head = [b"SSHSIG\0\0\0\x01".as_slice(), &string(key)].concat();
        refused(&armored(&head, 70))
    };
    let rsa = [string(b"ssh-rsa"), string(b"\x01\0\x01"), string(&[1; 256])].concat();
    let dsa = [string(b"ssh-dss"), string(b"\x01")].concat();
    let webauthn: fn(&mut Making) =
        |m| m.algorithm = Some("webauthn-sk-ecdsa-sha2-nistp256@openssh.com");
    let cases = [
        of(&ed25519, |m| m.magic = b"SSHSIX"),
        of(&ed25519, |m| m.version = 0),
        of(&ed25519, |m| m.version = 2),
        of(&ed25519, |m| m.reserved = b"x"),
        of(&ed25519, |m| m.hash = "sha1"),
        of(&ed25519, |m| m.algorithm = Some("ssh-rsa")),
        of(&sk_p256, webauthn),
        of(&ed25519, |m| m.inside = b"x"),
        of(&sk_ed25519, |m| m.behind = b"x"),
        of(&p256, |m| m.zeros = 1),
        of(&p384, |m| m.zeros = 2),
        refused(&armored(&blob[..blob.len() - 1], 70)),
        refused(&armored(b"SSHSIG\0", 70)),
        with_key(&rsa),
        with_key(&dsa),
        with_key(&ed25519.blob()[..50]),
    ];
    insta::assert_snapshot!(cases.join("\n"), @"
    what is inside does not begin with SSHSIG; sign with ssh-keygen -Y sign
    the signature is of version 0; only version 1 is read
    the signature is of version 2; only version 1 is read
    the reserved part of the signature is not empty; sign again with ssh-keygen
    the hash 'sha1' is not taken; sign with sha512, as ssh-keygen does unless told
    made by 'ssh-rsa' with a key of the type 'ssh-ed25519'; sign with ssh-keygen -Y sign
    made by 'webauthn-sk-ecdsa-sha2-nistp256@openssh.com' with a key of the type 'sk-ecdsa-sha2-nistp256@openssh.com'; sign with ssh-keygen -Y sign
    data inside the signature, behind its last part; sign again with ssh-keygen
    data inside the signature, behind its last part; sign again with ssh-keygen
    a number in the signature is not written as ssh-keygen writes it; sign again
    a number in the signature is not written as ssh-keygen writes it; sign again
    a part of the signature is cut off or has another length; sign again
    a part of the signature is cut off or has another length; sign again
    the key in the signature: RSA keys are not taken; make a key with ssh-keygen -t ed25519-sk or -t ed25519
    the key in the signature: keys of the type 'ssh-dss' are not taken; make one with ssh-keygen -t ed25519-sk
    the key in the signature: the bytes of the key are not those that OpenSSH writes; copy the file .pub again
    ");
    let beyond = Making {
        is_beyond: true,
        ..making()
    };
    for key in [ed25519, sk_ed25519] {
        assert_eq!(verified(&key, &beyond), Err(SignatureFault::Unfit));
    }
}

#[test]
fn no_altered_or_cut_signature_is_taken_and_none_stops_the_reader() {
    for key in Soft::all(5) {
        let text = key.sign(&making(), MESSAGE);
        for at in 0..text.len() {
            assert!(Signature::read(&text.as_bytes()[..at]).is_err());
        }
        for at in (0..text.len()).step_by(5) {
            let mut altered = text.clone().into_bytes();
            altered[at] ^= 1 << (at % 7);
            let read = Signature::read(&altered);
            let result = read.and_then(|read| read.verify(Kind::Approval, MESSAGE));
            assert!(result.is_err(), "{at}");
        }
    }
}

#[test]
fn the_help_is_a_line_for_a_shell() {
    let principal: Principal = "overseer/nagoya-1".parse().unwrap();
    assert_eq!(
        sign_help(
            Kind::Approval,
            &principal,
            "a/1.toml",
            "/home/k/.ssh/id_ed25519_sk"
        ),
        "ssh-keygen -Y sign -n sekisho-approval -f /home/k/.ssh/id_ed25519_sk - \
         < a/1.toml > a/1.toml.sig.overseer_nagoya-1"
    );
    assert_eq!(
        sign_help(Kind::Stop, &principal, "it's $HOME.toml", "~/my key"),
        "ssh-keygen -Y sign -n sekisho-stop -f '~/my key' - \
         < 'it'\\''s $HOME.toml' > 'it'\\''s $HOME.toml.sig.overseer_nagoya-1'"
    );
    assert_eq!(quoted(""), "''");
}

proptest::proptest! {
    #![proptest_config(proptest::test_runner::Config::with_cases(48))]

    #[test]
    fn no_bytes_stop_the_reader(
        bytes in proptest::collection::vec(proptest::num::u8::ANY, 0..300),
        at in 0..300_usize,
        key in 0..5_usize,
    ) {
        assert!(Signature::read(&bytes).is_err());
        assert!(Signature::read(armored(&bytes, 70).as_bytes()).is_err());
        let inside = [b"SSHSIG\0\0\0\x01".as_slice(), &bytes].concat();
        assert!(Signature::read(armored(&inside, 70).as_bytes()).is_err());
        // Lengths anywhere that say more than there is, or less.
        let text = Soft::all(6)[key].sign(&making(), MESSAGE);
        let mut blob = armor::open(text.as_bytes()).unwrap();
        let at = at % (blob.len() - 4);
        let length: Vec<u8> = bytes.iter().copied().chain([255; 4]).take(4).collect();
        blob.splice(at..at + 4, length);
        let read = Signature::read(armored(&blob, 70).as_bytes());
        let is_same = armored(&blob, 70) == text;
        assert_eq!(read.and_then(|read| read.verify(Kind::Approval, MESSAGE)).is_ok(), is_same);
    }
}
