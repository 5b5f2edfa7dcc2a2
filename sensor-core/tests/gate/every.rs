//! What can be wrong with a paper of any kind.

use sensor_core::documents::{Kind, Rule};

use crate::{
    settings::beside,
    table::{Of, Table},
    world::{World, key, soft::Making},
};

/// Does something to the bytes of a file.
fn edit(world: &mut World, file: &str, change: impl Fn(Vec<u8>) -> Vec<u8> + 'static) {
    let file = file.to_owned();
    world.after(move |files| {
        let bytes = files.remove(&file).unwrap();
        files.insert(file.clone(), change(bytes));
    });
}

/// Adds the cases.
pub(crate) fn add(table: &mut Table) {
    signature_forms(table);
    signature_makings(table);
    signers(table);
    documents(table);
    numbers(table);
}

fn signature_forms(table: &mut Table) {
    type Form = (&'static str, &'static str, fn(String) -> String);
    let forms: [Form; 9] = [
        ("signature cut off", "cut off", |s| {
            s[..s.len() / 2].to_owned() + "\n"
        }),
        ("data behind the signature", "data after", |s| s + "x\n"),
        ("data before the signature", "data before", |s| {
            format!("x\n{s}")
        }),
        ("signature with CR LF", "CR LF", |s| s.replace('\n', "\r\n")),
        ("empty signature", "no line", |_| String::new()),
        ("two signatures in one file", "a second signature", |s| {
            s.repeat(2)
        }),
        ("signature without its last line end", "no end", |s| {
            s.trim_end().into()
        }),
        ("signature with blanks", "no whole base64", |s| {
            s.replacen("\nU", "\n U", 1)
        }),
        ("signature with an empty line", "70 columns", |s| {
            s.replacen("\nU", "\n\nU", 1)
        }),
    ];
    for (name, says, change) in forms {
        let (file, signers) = (table.setting.file, table.setting.signers);
        let signature = table.setting.signature();
        let expected = (&*signature, Rule::SignatureForm, says);
        table.add(
            name,
            |world| {
                for signer in signers {
                    edit(world, &beside(file, signer), move |bytes| {
                        change(String::from_utf8(bytes).unwrap()).into()
                    });
                }
            },
            expected,
        );
    }
}

fn signature_makings(table: &mut Table) {
    type Change = fn(&mut Making);
    let makings: [(&str, Rule, &str, Change); 8] = [
        (
            "for another namespace",
            Rule::Namespace,
            "made for the namespace 'file'",
            |m| {
                m.namespace = "file".into();
            },
        ),
        (
            "for a namespace with more",
            Rule::Namespace,
            "sekisho-any-",
            |m| {
                m.namespace = m.namespace.replace("sekisho-", "sekisho-any-");
            },
        ),
        ("of version 2", Rule::SignatureForm, "version 2", |m| {
            m.version = 2;
        }),
        (
            "with a reserved part",
            Rule::SignatureForm,
            "reserved",
            |m| m.reserved = b"x",
        ),
        ("with data inside", Rule::SignatureForm, "inside", |m| {
            m.behind = b"x";
        }),
        ("of other columns", Rule::SignatureForm, "70 columns", |m| {
            m.columns = 64;
        }),
        (
            "by another algorithm",
            Rule::SignatureForm,
            "made by 'ssh-rsa'",
            |m| {
                m.algorithm = Some("ssh-rsa");
            },
        ),
        (
            "with a number that is not reduced",
            Rule::Forged,
            "does not fit",
            |m| {
                m.is_beyond = true;
            },
        ),
    ];
    for (name, rule, says, change) in makings {
        let (file, signature) = (table.setting.file, table.setting.signature());
        table.add(
            &format!("signature {name}"),
            |world| {
                world.signing(file, |signing| change(&mut signing.making));
            },
            (&signature, rule, says),
        );
    }
    let (file, signature) = (table.setting.file, table.setting.signature());
    table.add(
        "security key not touched",
        |world| {
            world.signing(file, |signing| {
                signing.key = format!("sk:{}", signing.principal);
                signing.making.flags = 4;
            });
        },
        (&signature, Rule::Touch, "was not touched"),
    );
    table.add(
        "security key for another application",
        |world| {
            world.signing(file, |signing| {
                signing.key = format!("sk:{}", signing.principal);
                signing.making.application = Some("ssh:other");
            });
        },
        (&signature, Rule::Forged, "does not fit"),
    );
}

fn signers(table: &mut Table) {
    let (file, first) = (table.setting.file, table.setting.signers[0]);
    let (signers, stranger) = (table.setting.signers, table.setting.stranger);
    let signature = table.setting.signature();
    let kind = table.setting.of.kind();
    let keys = [
        (
            "key of nobody",
            Rule::UnknownKey,
            "of nobody here",
            "nobody".to_owned(),
        ),
        (
            "key of another",
            Rule::OtherPrincipal,
            "is of requester/other",
            String::new(),
        ),
        (
            "key that ended",
            Rule::KeyDates,
            "counted until 2026-11-01",
            ":old".into(),
        ),
        (
            "key that has not begun",
            Rule::KeyDates,
            "counts from 2027-01-01",
            ":new".into(),
        ),
        (
            "key for other kinds",
            Rule::KeyNamespace,
            "may not sign the kind",
            ":narrow".into(),
        ),
    ];
    for (name, rule, says, of) in keys {
        let change = |world: &mut World| {
            if of.is_empty() {
                let other = crate::world::line("requester/other", "");
                let lines = world.texts["allowed_signers"].clone() + &other;
                world.file("allowed_signers", &lines);
            }
            world.signing(file, |signing| {
                signing.key = match of.as_str() {
                    "" => "requester/other".into(),
                    more if more.starts_with(':') => format!("{}{more}", signing.principal),
                    other => other.into(),
                };
            });
        };
        table.add(name, change, (&signature, rule, says));
    }
    let wrong = beside(file, stranger);
    table.add(
        "signed in the wrong role",
        |world| {
            world.sign(file, &[stranger]);
        },
        (&wrong, Rule::Role, "may not sign this"),
    );
    table.add(
        "without a signature",
        |world| {
            world.sign(file, &[]);
        },
        (file, Rule::TooFew, "has no signature"),
    );
    for (name, end) in [
        ("no role", "ai"),
        ("a wildcard", "overseer_*"),
        ("a judge", "judge_ai"),
    ] {
        let odd = format!("{file}.sig.{end}");
        let expected = (&*odd, Rule::SignatureName, "no principal");
        let change = |world: &mut World| {
            let odd = odd.clone();
            world.after(move |files| {
                let bytes = files.remove(&beside(file, first)).unwrap();
                for signer in signers {
                    files.remove(&beside(file, signer));
                }
                files.insert(odd.clone(), bytes);
            });
        };
        table.add(
            &format!("the name of the signature has {name}"),
            change,
            expected,
        );
    }
    table.add(
        "signature of another document",
        move |world| {
            for signer in signers {
                edit(world, &beside(file, signer), move |_| {
                    let making = Making::of(kind.namespace());
                    key(signer).sign(&making, b"kind = \"policy\"\n").into()
                });
            }
        },
        (&signature, Rule::Forged, "does not fit the bytes"),
    );
    if signers.len() > 1 {
        let lone = |world: &mut World| {
            world.sign(file, &[first]);
        };
        let second = beside(file, signers[1]);
        table.add(
            "one signature of two",
            lone,
            (file, Rule::TooFew, "has 1 of 2"),
        );
        let copied = |world: &mut World| {
            world.signing(file, |signing| signing.key = first.into());
        };
        let says = "is of overseer/ai and not of overseer/bo";
        table.add(
            "one key under two names",
            copied,
            (&second, Rule::OtherPrincipal, says),
        );
        let twice = |world: &mut World| {
            world.sign(file, &[first]);
            world.after(move |files| {
                // The same bytes under another name, so that one person can sign twice.
                let bytes = files[file].clone();
                let making = Making::of(kind.namespace());
                let more = key(&format!("sk:{first}")).sign(&making, &bytes);
                files.insert(format!("z-{file}"), bytes);
                files.insert(beside(&format!("z-{file}"), first), more.into());
            });
        };
        table.add(
            "one person with two keys",
            twice,
            (file, Rule::TooFew, "has 1 of 2"),
        );
        let shared = |world: &mut World| {
            let second = crate::world::line("overseer/bo", "");
            let own = crate::world::line("overseer/ai,overseer/bo", "");
            let own = own.replace(
                &key("overseer/ai,overseer/bo").line(),
                &key("overseer/ai").line(),
            );
            let lines = world.texts["allowed_signers"].replace(&second, &(second.clone() + &own));
            world.file("allowed_signers", &lines);
            world.signing(file, |signing| signing.key = first.into());
        };
        table.add(
            "one key that two names share",
            shared,
            (file, Rule::TooFew, "has 1 of 2"),
        );
    }
}

fn documents(table: &mut Table) {
    type Change = fn(Vec<u8>) -> Vec<u8>;
    let (file, signature) = (table.setting.file, table.setting.signature());
    let kind = table.setting.of.kind();
    let forms: [(&str, &str, Change); 6] = [
        ("document not UTF-8", "not text", |mut bytes| {
            bytes.extend(b"# \xff\n");
            bytes
        }),
        ("empty document", "missing field `kind`", |_| Vec::new()),
        ("document cut off", "line 1", |bytes| bytes[..10].into()),
        ("data behind the document", "line ", |mut bytes| {
            bytes.extend(b"and more\n");
            bytes
        }),
        ("document with a zero byte", "line 1", |mut bytes| {
            bytes.insert(0, 0);
            bytes
        }),
        ("a signature in the place of the document", "line 1", |_| {
            b"-----BEGIN SSH SIGNATURE-----\n".into()
        }),
    ];
    for (name, says, change) in forms {
        table.add(
            name,
            |world| edit(world, file, change),
            (file, Rule::Form, says),
        );
    }
    let altered: [(&str, Change); 3] = [
        ("a remark added after signing", |mut bytes| {
            bytes.extend(b"# \n");
            bytes
        }),
        ("a line end taken away after signing", |mut bytes| {
            bytes.pop();
            bytes
        }),
        ("a blank added after signing", |bytes| {
            let text = String::from_utf8(bytes).unwrap();
            text.replacen(" = ", "  = ", 1).into()
        }),
    ];
    for (name, change) in altered {
        let expected = (&*signature, Rule::Forged, "does not fit the bytes");
        table.add(name, |world| edit(world, file, change), expected);
    }
    let own = format!("kind = \"{}\"", kind.name());
    let texts = [
        (
            "unknown key",
            "unknown field `colour`",
            format!("{own}\ncolour = \"red\""),
        ),
        ("duplicate key", "duplicate key", format!("{own}\n{own}")),
        (
            "kind that there is not",
            "no kind of document",
            "kind = \"warrant\"".into(),
        ),
        (
            "kind in capitals",
            "no kind of document",
            own.to_uppercase().replace("KIND", "kind"),
        ),
        ("kind of another type", "invalid type", "kind = 7".into()),
        ("without a kind", "missing field `kind`", "# kind".into()),
    ];
    for (name, says, new) in texts {
        let change = |world: &mut World| {
            world.replace(file, &own, &new);
        };
        table.add(name, change, (file, Rule::Form, says));
    }
    let other = if kind == Kind::Stop {
        Kind::Lift
    } else {
        Kind::Stop
    };
    table.add(
        "another kind in the file",
        |world| {
            world.replace(file, &own, &format!("kind = \"{}\"", other.name()));
        },
        (file, Rule::Form, "field `"),
    );
}

fn numbers(table: &mut Table) {
    let (file, number, highest) = (
        table.setting.file,
        table.setting.number,
        table.setting.highest,
    );
    let (of, signature) = (table.setting.of, table.setting.signature());
    let is_territory = of == Of::Kind(Kind::Territory);
    let own = format!("number = {number}\n");
    let from_one = if is_territory {
        "count from 1"
    } else {
        "numbered from 1"
    };
    let forms = [
        ("number 0", from_one, "number = 0\n"),
        ("negative number", from_one, "number = -1\n"),
        (
            "number too large",
            "line 2",
            "number = 9223372036854775808\n",
        ),
        ("number that is none", "invalid type", "number = \"2\"\n"),
        ("without a number", "missing field `number`", "\n"),
        ("number with a fraction", "invalid type", "number = 2.0\n"),
    ];
    for (name, says, new) in forms {
        let change = |world: &mut World| {
            world.replace(file, &own, new);
        };
        table.add(name, change, (file, Rule::Form, says));
    }
    if matches!(of, Of::Kind(Kind::Revocation | Kind::Stop)) {
        return;
    }
    let leap = table.setting.most() + 1;
    let last = u64::try_from(i64::MAX).unwrap();
    for (name, leap) in [("number that leaps", leap), ("the last number", last)] {
        let change = |world: &mut World| {
            world.replace(file, &own, &format!("number = {leap}\n"));
        };
        table.add(name, change, (&signature, Rule::Number, "leaps"));
    }
    if highest > 0 && of != Of::Kind(Kind::Keyring) {
        let passed = format!("number = {highest}\n");
        let change = |world: &mut World| {
            world.replace(file, &own, &passed);
        };
        let logged = table.setting.world.without(table.setting.files);
        let logged: Vec<_> = logged.papers().seen(&[], crate::table::EARLIER).arrivals;
        let expected = (&*signature, Rule::Number, "does not come back");
        table.add("number that was passed", change, expected);
        if let Some(case) = table.cases.last_mut() {
            case.logged = logged;
        }
    }
}
