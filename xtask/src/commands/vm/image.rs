//! What a guest has instead of a disk.
//!
//! Everything lies where it lies here, by the same absolute path, so that a test finds what it
//! was built with. Programs come with the libraries that `ldd` names.

use std::{
    fs::{self, File, Permissions},
    io::BufWriter,
    os::unix::fs::PermissionsExt as _,
    path::{Path, PathBuf},
    process::Command,
};

use anyhow::{Context as _, Result, bail, ensure};

use super::{
    cpio::Archive,
    guest::PLAN,
    kernels::Unpacked,
    modules::{Modules, Order, WANTED},
    plan::Plan,
};
use crate::{commands::scratch::Scratch, exec, files};

/// Programs that tests start or compare with. One that this machine lacks is missing there too,
/// and the tests that need it say so.
const TOOLS: [&str; 25] = [
    "bpftool",
    "cat",
    "chmod",
    "cp",
    "env",
    "ethtool",
    "false",
    "gzip",
    "ip",
    "kill",
    "ls",
    "mkdir",
    "mkfifo",
    "mount",
    "nsenter",
    "ping",
    "rm",
    "setpriv",
    "sh",
    "sleep",
    "ssh-keygen",
    "tc",
    "true",
    "unshare",
    "zstd",
];

/// What a system of ours has in folders that are links elsewhere.
const LINKS: [(&str, &str); 4] = [
    ("/bin", "usr/bin"),
    ("/sbin", "usr/sbin"),
    ("/lib", "usr/lib"),
    ("/lib64", "usr/lib64"),
];

/// Names of users and of what is asked for them.
const FILES: [&str; 5] = [
    "/etc/passwd",
    "/etc/group",
    "/etc/nsswitch.conf",
    "/etc/protocols",
    "/etc/services",
];

/// Where a guest has its modules.
const MODULES: &str = "/modules";

/// What all kernels share.
pub(super) struct Shared<'a> {
    /// Programs built here.
    pub(super) built: Vec<&'a Path>,
    /// Files and folders, with all that is in them.
    pub(super) data: Vec<&'a Path>,
}

/// Writes what all kernels share.
pub(super) fn shared(shared: &Shared<'_>, to: &Path, scratch: &Scratch) -> Result<()> {
    let file = File::create(to).with_context(|| format!("cannot write {}", to.display()))?;
    let mut image = Image(Archive::new(BufWriter::new(file)));
    for (link, target) in LINKS {
        image.0.link(link, target)?;
    }
    for folder in ["/root", "/tmp", "/var/tmp", "/var/lib"] {
        image.0.folder(folder)?;
    }
    let own = std::env::current_exe().context("cannot find this binary")?;
    image.built("/init", &own, scratch)?;
    for built in &shared.built {
        image.built(text(built)?, built, scratch)?;
    }
    for tool in TOOLS {
        let folders = ["/usr/sbin", "/usr/bin"].map(|folder| Path::new(folder).join(tool));
        if let Some(tool) = folders.iter().find(|tool| tool.is_file()) {
            image.program(text(tool)?, tool)?;
        }
    }
    for file in FILES
        .map(Path::new)
        .into_iter()
        .filter(|file| file.is_file())
    {
        image.copy(text(file)?, file)?;
    }
    for data in &shared.data {
        image.tree(data)?;
    }
    image.0.finish()?;
    Ok(())
}

/// Writes what one kernel has besides: its modules and the plan, which is to name them. Returns
/// the names of modules that it has not.
pub(super) fn own(kernel: &Unpacked, plan: &mut Plan, to: &Path) -> Result<Vec<String>> {
    let read = |name: &str| files::text(&kernel.modules.join(name));
    let modules = Modules::read(&read("modules.dep")?, &read("modules.builtin")?);
    let Order { files, missing } = modules.order(&WANTED);
    let file = File::create(to).with_context(|| format!("cannot write {}", to.display()))?;
    let mut archive = Archive::new(BufWriter::new(file));
    plan.modules.clear();
    for file in files {
        let data = module(&kernel.modules.join(&file))?;
        let name = file.rsplit('/').next().unwrap_or(&file);
        let name = format!("{MODULES}/{}", name.trim_end_matches(".xz"));
        archive.file(&name, &Permissions::from_mode(0o644), &data)?;
        plan.modules.push(name.into());
    }
    let plan = serde_json::to_vec(plan)?;
    archive.file(PLAN, &Permissions::from_mode(0o644), &plan)?;
    archive.finish()?;
    Ok(missing)
}

/// A module as it is loaded. Not every kernel unpacks them itself.
fn module(file: &Path) -> Result<Vec<u8>> {
    if file.extension().is_none_or(|extension| extension != "xz") {
        return files::read(file);
    }
    let output = Command::new("xz")
        .args(["--decompress", "--stdout"])
        .arg(file)
        .output()
        .context("cannot run xz")?;
    ensure!(
        output.status.success(),
        "xz cannot unpack {}: {}",
        file.display(),
        String::from_utf8_lossy(&output.stderr).trim()
    );
    Ok(output.stdout)
}

/// An archive of files that are on this machine.
struct Image(Archive<BufWriter<File>>);

impl Image {
    /// A program built here, without what only a debugger reads: a guest's disk is its memory.
    fn built(&mut self, path: &str, file: &Path, scratch: &Scratch) -> Result<()> {
        let small = scratch.file("stripped");
        let mut strip = exec::apart("strip");
        exec::captured(strip.args(["--strip-debug", "-o"]).arg(&small).arg(file))?;
        self.copy(path, &small)?;
        self.libraries(file)
    }

    /// A program of the system.
    fn program(&mut self, path: &str, file: &Path) -> Result<()> {
        self.copy(path, file)?;
        self.libraries(file)
    }

    fn libraries(&mut self, program: &Path) -> Result<()> {
        let mut ldd = exec::apart("ldd");
        let printed = exec::captured(ldd.arg(program))?;
        for library in libraries(&printed) {
            // The folders of libraries are links, in a guest as here.
            let path = match library.strip_prefix("/usr") {
                Some(_) => library.to_owned(),
                None => format!("/usr{library}"),
            };
            self.copy(&path, Path::new(library))?;
        }
        Ok(())
    }

    fn tree(&mut self, path: &Path) -> Result<()> {
        if path.is_file() {
            return self.copy(text(path)?, path);
        }
        self.0.folder(text(path)?)?;
        let entries = fs::read_dir(path);
        let entries = entries.with_context(|| format!("cannot read {}", path.display()))?;
        let mut paths = entries
            .map(|entry| entry.map(|entry| entry.path()))
            .collect::<Result<Vec<PathBuf>, _>>()?;
        paths.sort();
        paths.iter().try_for_each(|path| self.tree(path))
    }

    fn copy(&mut self, path: &str, file: &Path) -> Result<()> {
        if self.0.has(path) {
            return Ok(());
        }
        let about = fs::metadata(file);
        let about = about.with_context(|| format!("cannot read {}", file.display()))?;
        let data = files::read(file)?;
        self.0.file(path, &about.permissions(), &data)?;
        Ok(())
    }
}

/// The files in what `ldd` prints: `NAME => FILE (ADDRESS)`, or `FILE (ADDRESS)`.
fn libraries(printed: &str) -> impl Iterator<Item = &str> {
    printed.lines().filter_map(|line| {
        let line = line.split_once(" => ").map_or(line, |(_, file)| file);
        let file = line.trim().split(' ').next()?;
        file.starts_with('/').then_some(file)
    })
}

fn text(path: &Path) -> Result<&str> {
    match path.to_str() {
        Some(text) => Ok(text),
        None => bail!("{} is no UTF-8", path.display()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn libraries_are_files_and_what_the_kernel_maps_is_none() {
        let printed = "\tlinux-vdso.so.1 (0x00007ffd)\n\
                       \tlibbpf.so.1 => /lib/x86_64-linux-gnu/libbpf.so.1 (0x00007f35)\n\
                       \t/lib64/ld-linux-x86-64.so.2 (0x00007f35)\n\tstatically linked\n";
        let found: Vec<&str> = libraries(printed).collect();
        let libbpf = "/lib/x86_64-linux-gnu/libbpf.so.1";
        assert_eq!(found, [libbpf, "/lib64/ld-linux-x86-64.so.2"]);
    }
}
