//! Copies of feeds that are had over a network.

use std::{
    env,
    ffi::OsStr,
    fs::{self, File},
    io,
    os::unix::fs::MetadataExt as _,
    path::{Path, PathBuf},
};

use sensor_fetch::{
    Client, Credential, Endpoint, Fetched, Hosts, Identity, Known, Limits, Proxy, Secret, misp,
    taxii,
};

use super::{
    Access, FeedConfig, Local, Mark, Obtain, ObtainError, Obtained, Protocol, obtain::Progress,
};
use crate::{capped, feeds::LARGEST};

/// The list of hosts that may be asked, in the folder of the feeds.
const HOSTS: &str = "hosts";

/// Largest such list, secret, certificate or list of events, in bytes.
const LARGEST_OTHER: u64 = 16 << 20;

/// Parts that a collection of TAXII is kept in before it is had anew as a whole.
const PARTS: usize = 64;

/// Beside the files of a MISP feed: what its manifest said of each event.
const EVENTS: &str = "events.json";

/// Has what lies on this machine, and what hosts have that may be asked.
#[derive(Clone, Debug)]
pub struct Remote {
    /// File with the hosts that may be asked.
    hosts: PathBuf,
    limits: Limits,
}

impl Remote {
    /// By the hosts that a folder of feeds allows.
    pub fn new(folder: &Path) -> Self {
        Self {
            hosts: folder.join(HOSTS),
            limits: Limits {
                bytes: LARGEST,
                ..Limits::default()
            },
        }
    }

    fn hosts(&self) -> Result<Hosts, ObtainError> {
        let text = match capped::read_to_string(&self.hosts, LARGEST_OTHER) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => String::new(),
            read => read.map_err(ObtainError::file(&self.hosts))?,
        };
        let hosts = Hosts::parse(&text).map_err(|source| ObtainError::Hosts {
            file: self.hosts.clone(),
            source,
        })?;
        if hosts.is_empty() {
            let text = format!(
                "fetching is off: write each host that may be asked on a line of {}",
                self.hosts.display()
            );
            return Err(ObtainError::Remote(text));
        }
        Ok(hosts)
    }

    fn client(&self, config: &FeedConfig) -> Result<Client, ObtainError> {
        let source = match &config.collection {
            None => config.source.clone(),
            Some(collection) => {
                let root = config.source.trim_end_matches('/');
                format!("{root}/collections/{collection}/")
            }
        };
        let mut endpoint = Endpoint::new(&source)?;
        let access = &config.access;
        endpoint.credential = credential(access)?;
        if let Some(file) = &access.identity_file {
            endpoint.identity = Some(Identity::from_pem(private(file)?));
        }
        if let Some(file) = &access.roots_file {
            let pem = capped::read(file, LARGEST_OTHER).map_err(ObtainError::file(file))?;
            endpoint.roots = Some(pem);
        }
        if let Some(proxy) = &access.proxy {
            endpoint.proxy = Some(Proxy::new(proxy)?);
        }
        Ok(Client::new(endpoint, self.hosts()?, self.limits.clone())?)
    }
}

impl Obtain for Remote {
    fn obtain(
        &self,
        config: &FeedConfig,
        before: Option<(&Path, &Mark)>,
        into: &Path,
        progress: Progress<'_>,
    ) -> Result<Obtained, ObtainError> {
        if !config.is_remote() {
            return Local.obtain(config, before, into, progress);
        }
        let client = self.client(config)?;
        let mut told = |what: sensor_fetch::Progress| match what {
            sensor_fetch::Progress::Octets { so_far, of } => progress(so_far, of),
            sensor_fetch::Progress::Event { done, of } => progress(done, Some(of)),
            _ => {}
        };
        match config.protocol {
            Protocol::Plain => plain(&client, before, into, &mut told),
            Protocol::Taxii => collection(&client, before, into, &mut told),
            Protocol::Misp => events(&client, before, into, &mut told),
        }
    }
}

type Told<'a> = &'a mut dyn FnMut(sensor_fetch::Progress);

fn plain(
    client: &Client,
    before: Option<(&Path, &Mark)>,
    into: &Path,
    told: Told<'_>,
) -> Result<Obtained, ObtainError> {
    let known = before.map_or_else(Known::default, |(_, mark)| Known {
        etag: mark.etag.clone(),
        last_modified: mark.last_modified.clone(),
    });
    let (path, mut file) = create(into, "feed")?;
    Ok(match client.fetch(&known, &mut file, told)? {
        Fetched::Unchanged => Obtained::Unchanged,
        Fetched::New(new) => {
            file.sync_all().map_err(ObtainError::file(&path))?;
            Obtained::New(Mark {
                etag: new.known.etag,
                last_modified: new.known.last_modified,
                added_after: None,
            })
        }
    })
}

/// The parts of a collection that were had before, and one with what was added since.
fn collection(
    client: &Client,
    before: Option<(&Path, &Mark)>,
    into: &Path,
    told: Told<'_>,
) -> Result<Obtained, ObtainError> {
    let had = match before {
        Some((
            files,
            Mark {
                added_after: Some(after),
                ..
            },
        )) => {
            let parts = names(files)?;
            (parts.len() < PARTS).then_some((files, after.as_str(), parts))
        }
        Some(_) | None => None,
    };
    let parts = had.as_ref().map_or(0, |(.., parts)| parts.len());
    let (path, mut file) = create(into, &format!("part-{parts:04}.json"))?;
    let after = had.as_ref().map(|(_, after, _)| *after);
    let pulled = taxii::pull(client, after, &mut file, told)?;
    file.sync_all().map_err(ObtainError::file(&path))?;
    if let Some((files, _, parts)) = &had {
        if pulled.objects == 0 || is_like_last(&path, files, parts)? {
            return Ok(Obtained::Unchanged);
        }
        for part in parts {
            link(&files.join(part), &into.join(part))?;
        }
    }
    Ok(Obtained::New(Mark {
        added_after: pulled.added_after,
        ..Mark::default()
    }))
}

/// Whether a part has just what the last one has: its objects stand at the boundary of time from
/// which is asked, and so come again.
fn is_like_last(new: &Path, files: &Path, parts: &[PathBuf]) -> Result<bool, ObtainError> {
    let Some(last) = parts.last() else {
        return Ok(false);
    };
    let last = files.join(last);
    let size = |path: &Path| {
        path.metadata()
            .map(|there| there.len())
            .map_err(ObtainError::file(path))
    };
    if size(new)? != size(&last)? {
        return Ok(false);
    }
    let read = |path: &Path| capped::read(path, LARGEST).map_err(ObtainError::file(path));
    Ok(read(new)? == read(&last)?)
}

/// The events of a manifest: those that are new or changed, and the others from the last copy.
fn events(
    client: &Client,
    before: Option<(&Path, &Mark)>,
    into: &Path,
    told: Told<'_>,
) -> Result<Obtained, ObtainError> {
    let list = |files: &Path| files.with_file_name(EVENTS);
    let mut known = misp::Timestamps::new();
    if let Some((files, _)) = before {
        let file = list(files);
        let failed = ObtainError::file(&file);
        let bytes = capped::read(&file, LARGEST_OTHER).map_err(&failed)?;
        known = serde_json::from_slice(&bytes).map_err(|error| failed(error.into()))?;
    }
    let pulled = misp::pull(client, &known, into, told)?;
    if before.is_some() && pulled.timestamps == known {
        return Ok(Obtained::Unchanged);
    }
    if let Some((files, _)) = before {
        for event in &pulled.unchanged {
            let name = format!("{event}.json");
            link(&files.join(&name), &into.join(&name))?;
        }
    }
    let file = list(into);
    let text = serde_json::to_vec(&pulled.timestamps)
        .map_err(|error| ObtainError::file(&file)(error.into()))?;
    fs::write(&file, text).map_err(ObtainError::file(&file))?;
    Ok(Obtained::New(Mark::default()))
}

/// What is sent to be let in.
fn credential(access: &Access) -> Result<Option<Credential>, ObtainError> {
    let file = match (&access.secret_file, &access.credential) {
        (Some(file), _) => file.clone(),
        (None, Some(name)) => {
            let folder = env::var_os("CREDENTIALS_DIRECTORY").ok_or_else(|| {
                let text = format!(
                    "the secret '{name}' is among the credentials of systemd, and there are none \
                     here: run it as a service with LoadCredential={name}:FILE"
                );
                ObtainError::Remote(text)
            })?;
            let is_file = Path::new(name).file_name() == Some(OsStr::new(name));
            if !is_file {
                return Err(ObtainError::Remote(format!(
                    "'{name}' is no name of a credential"
                )));
            }
            Path::new(&folder).join(name)
        }
        (None, None) => return Ok(None),
    };
    let bytes = private(&file)?;
    let text = std::str::from_utf8(&bytes).map(|text| text.trim_end_matches(['\r', '\n']));
    let text = match text {
        Ok(text) if !text.is_empty() && !text.contains(char::is_control) => text,
        Ok(_) | Err(_) => {
            let error = io::Error::other("holds no secret: write it alone on one line");
            return Err(ObtainError::file(&file)(error));
        }
    };
    let secret = Secret::new(text);
    Ok(Some(match (&access.user, &access.header) {
        (Some(user), _) => Credential::Basic {
            user: user.clone(),
            password: secret,
        },
        (None, Some(name)) => Credential::Header {
            name: name.clone(),
            value: secret,
        },
        (None, None) => Credential::Bearer(secret),
    }))
}

/// Reads a file with a secret, which is nobody else's.
fn private(file: &Path) -> Result<Vec<u8>, ObtainError> {
    let failed = ObtainError::file(file);
    let there = file.metadata().map_err(&failed)?;
    if there.mode() & 0o077 != 0 {
        let mode = there.mode() & 0o7777;
        let error = format!("is open to others (mode {mode:o}): close it with chmod 600");
        return Err(failed(io::Error::other(error)));
    }
    capped::read(file, LARGEST_OTHER).map_err(failed)
}

fn create(into: &Path, name: &str) -> Result<(PathBuf, File), ObtainError> {
    let path = into.join(name);
    let file = File::create_new(&path).map_err(ObtainError::file(&path))?;
    Ok((path, file))
}

/// The names in a folder, in order.
fn names(folder: &Path) -> Result<Vec<PathBuf>, ObtainError> {
    let failed = ObtainError::file(folder);
    let mut names = Vec::new();
    for entry in fs::read_dir(folder).map_err(&failed)? {
        names.push(PathBuf::from(entry.map_err(&failed)?.file_name()));
    }
    names.sort();
    Ok(names)
}

/// The same file in another copy: no copy is ever written again.
fn link(from: &Path, to: &Path) -> Result<(), ObtainError> {
    fs::hard_link(from, to).map_err(ObtainError::file(from))
}
