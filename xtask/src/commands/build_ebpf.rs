//! `cargo xtask build-ebpf`: the object that is loaded into the kernel.
//!
//! The object is built by the build script of `sekisho`, never by a command of its
//! own, so that what is shown here is what the sensor carries.

use std::{
    fs,
    path::{Path, PathBuf},
    process::Command,
};

use anyhow::{Context as _, Result};
use serde_json::Value;

use crate::{
    exec,
    say::say,
    tools::{self, Need},
    workspace,
};

/// The name of the object in the output directory of the build script.
const OBJECT: &str = "sekisho-xdp";

#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// With log lines of the program and their map; never for release
    #[arg(long)]
    log: bool,
}

/// Builds the object and puts a copy where it is easily found.
pub(crate) fn run(args: &Args) -> Result<()> {
    tools::ensure(&[Need::Build])?;
    say("build-ebpf", "building sekisho and its eBPF object");
    let mut build = workspace::cargo("build");
    build.args([
        "--package",
        "sekisho",
        "--message-format",
        "json-render-diagnostics",
    ]);
    if args.log {
        build.args(["--features", "log"]);
    }
    let messages = exec::stdout(&mut build)?;
    let output = out_dir(&messages)?.join(OBJECT);

    // One with a log map never stands where the released one is looked for.
    let extension = if args.log { "log.o" } else { "o" };
    let object = workspace::target_dir()?
        .join(OBJECT)
        .with_extension(extension);
    let bytes = fs::copy(&output, &object)
        .with_context(|| format!("cannot copy {} to {}", output.display(), object.display()))?;
    let digest = sha256(&object)?;
    say("build-ebpf", object.display());
    say(
        "build-ebpf",
        format_args!("{bytes} bytes, SHA-256 {digest}"),
    );
    Ok(())
}

/// The output directory of the build script of `sekisho`, from Cargo's messages.
fn out_dir(messages: &str) -> Result<PathBuf> {
    let messages = serde_json::Deserializer::from_str(messages).into_iter::<Value>();
    for message in messages {
        let message = message.context("a message of Cargo is not JSON")?;
        let package = message["package_id"].as_str().unwrap_or_default();
        if message["reason"] == "build-script-executed"
            && package.contains("/sensor-user#")
            && let Some(out_dir) = message["out_dir"].as_str()
        {
            return Ok(PathBuf::from(out_dir));
        }
    }
    anyhow::bail!("Cargo ran no build script of `sekisho`; does sensor-user/build.rs exist?")
}

/// The digest of the file, in hexadecimal, by `sha256sum` of coreutils.
fn sha256(file: &Path) -> Result<String> {
    let line = exec::stdout(Command::new("sha256sum").arg("--").arg(file))?;
    let digest = line
        .split_whitespace()
        .next()
        .context("sha256sum printed nothing")?;
    Ok(digest.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_output_directory_is_that_of_our_build_script() {
        let messages = r#"
            {"reason":"build-script-executed","package_id":"index#libc@0.2.1","out_dir":"/a"}
            {"reason":"compiler-artifact","package_id":"path+file:///s/sensor-user#sekisho@0.1.0"}
            {"reason":"build-script-executed","package_id":"path+file:///s/sensor-user#sekisho@0.1.0","out_dir":"/b"}
            {"reason":"build-finished","success":true}"#;
        assert_eq!(out_dir(messages).unwrap(), Path::new("/b"));
        assert!(out_dir(r#"{"reason":"build-finished","success":true}"#).is_err());
    }
}
