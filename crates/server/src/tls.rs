//! TLS from its files: read at the start, and again on a hang-up without losing a connection.
//!
//! What is read takes effect as a whole or not at all. A listener asks for [`Tls::current`] at each connection, so those
//! that are open keep what they began with.

use gatepost_config::TlsFiles;
use gatepost_http_api::wire::opening::Tls as Current;
use std::fs;
use std::io;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use tokio::sync::watch;
use tokio_rustls::rustls::crypto::{CryptoProvider, ring};
use tokio_rustls::rustls::pki_types::pem::{self, PemObject};
use tokio_rustls::rustls::pki_types::{CertificateDer, PrivateKeyDer};
use tokio_rustls::rustls::server::danger::ClientCertVerifier;
use tokio_rustls::rustls::server::{VerifierBuilderError, WebPkiClientVerifier};
use tokio_rustls::rustls::version::{TLS12, TLS13};
use tokio_rustls::rustls::{self, RootCertStore, ServerConfig};
use zeroize::Zeroizing;

/// What the other side may choose from, the best first.
const PROTOCOLS: [&[u8]; 2] = [b"h2", b"http/1.1"];
/// The permission of everybody to read a file.
const ALL_READ: u32 = 0o004;

/// Why TLS cannot be spoken with these files. It names the one that is wrong.
#[derive(Debug, thiserror::Error)]
pub(crate) enum TlsError {
    #[error("{setting}: {} cannot be read: {why}", path.display())]
    Unreadable { setting: &'static str, path: PathBuf, why: io::Error },
    #[error("{setting}: {} is not PEM: {why}", path.display())]
    NotPem { setting: &'static str, path: PathBuf, why: pem::Error },
    #[error("{setting}: {} holds no {what}", path.display())]
    Nothing { setting: &'static str, path: PathBuf, what: &'static str },
    #[error("tls-client-ca: {} holds a certificate that cannot be used: {why}", path.display())]
    Authority { path: PathBuf, why: rustls::Error },
    #[error("tls-client-ca: {} cannot be used: {why}", path.display())]
    Verifier { path: PathBuf, why: VerifierBuilderError },
    #[error("tls-cert, tls-key: {} and {} cannot be used together: {why}", cert.display(), key.display())]
    Pair { cert: PathBuf, key: PathBuf, why: rustls::Error },
}

/// The files, and what was in them when they were last good.
pub(crate) struct Tls {
    files: TlsFiles,
    current: watch::Sender<Arc<ServerConfig>>,
}

impl Tls {
    /// Reads the files for the first time.
    pub(crate) fn open(files: &TlsFiles) -> Result<Self, TlsError> {
        let current = watch::Sender::new(Arc::new(read(files)?));
        warn_of_readers(&files.key);
        Ok(Self { files: files.clone(), current })
    }

    /// What new connections begin with, now and later.
    pub(crate) fn current(&self) -> Current {
        self.current.subscribe()
    }

    /// Reads the files again. What cannot be used changes nothing.
    pub(crate) fn reload(&self) {
        match read(&self.files) {
            Ok(config) => {
                self.current.send_replace(Arc::new(config));
                warn_of_readers(&self.files.key);
                tracing::info!("certificates are read again; new connections use them");
            }
            Err(error) => tracing::error!(%error, "certificates stay as they were"),
        }
    }
}

fn read(files: &TlsFiles) -> Result<ServerConfig, TlsError> {
    let provider = Arc::new(ring::default_provider());
    let chain = certificates("tls-cert", &files.cert)?;
    let key = private_key(&files.key)?;
    let config = ServerConfig::builder_with_provider(Arc::clone(&provider))
        .with_protocol_versions(&[&TLS13, &TLS12])
        .expect("the provider has suites of both versions");
    let config = match &files.client_ca {
        Some(path) => config.with_client_cert_verifier(verifier(path, provider)?),
        None => config.with_no_client_auth(),
    };
    let mut config = config.with_single_cert(chain, key).map_err(|why| TlsError::Pair {
        cert: files.cert.clone(),
        key: files.key.clone(),
        why,
    })?;
    config.alpn_protocols = PROTOCOLS.map(<[u8]>::to_vec).to_vec();
    Ok(config)
}

fn certificates(setting: &'static str, path: &Path) -> Result<Vec<CertificateDer<'static>>, TlsError> {
    let text = bytes(setting, path)?;
    let found = CertificateDer::pem_slice_iter(&text).collect::<Result<Vec<_>, _>>();
    let found = found.map_err(|why| TlsError::NotPem { setting, path: path.to_owned(), why })?;
    if found.is_empty() {
        return Err(TlsError::Nothing { setting, path: path.to_owned(), what: "certificate" });
    }
    Ok(found)
}

fn private_key(path: &Path) -> Result<PrivateKeyDer<'static>, TlsError> {
    let setting = "tls-key";
    let text = bytes(setting, path)?;
    PrivateKeyDer::from_pem_slice(&text).map_err(|why| match why {
        pem::Error::NoItemsFound => TlsError::Nothing { setting, path: path.to_owned(), what: "private key" },
        why => TlsError::NotPem { setting, path: path.to_owned(), why },
    })
}

fn verifier(path: &Path, provider: Arc<CryptoProvider>) -> Result<Arc<dyn ClientCertVerifier>, TlsError> {
    let mut roots = RootCertStore::empty();
    for certificate in certificates("tls-client-ca", path)? {
        roots.add(certificate).map_err(|why| TlsError::Authority { path: path.to_owned(), why })?;
    }
    let verifier = WebPkiClientVerifier::builder_with_provider(Arc::new(roots), provider).build();
    verifier.map_err(|why| TlsError::Verifier { path: path.to_owned(), why })
}

fn warn_of_readers(key: &Path) {
    if fs::metadata(key).is_ok_and(|about| about.permissions().mode() & ALL_READ != 0) {
        tracing::warn!(path = %key.display(), "the private key of tls-key can be read by every user of this machine");
    }
}

fn bytes(setting: &'static str, path: &Path) -> Result<Zeroizing<Vec<u8>>, TlsError> {
    let read = fs::read(path).map(Zeroizing::new);
    read.map_err(|why| TlsError::Unreadable { setting, path: path.to_owned(), why })
}
