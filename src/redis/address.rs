//! What `redis.url` says, and whose certificates count.
//!
//! The client reads the URL; its errors become sentences for people, in which no password stands.

use fred::error::ErrorKind;
use fred::rustls::pki_types::CertificateDer;
use fred::rustls::pki_types::pem::PemObject;
use fred::rustls::{ClientConfig, RootCertStore};
use fred::types::config::{Config, TlsConnector};

use crate::config;

const SHAPE: &str = "redis.url is not a Redis address: it must be redis://HOST:PORT, rediss:// for TLS, \
                     redis-sentinel://HOST:PORT?sentinelServiceName=NAME or redis-cluster://HOST:PORT, as in \
                     redis://127.0.0.1:6379.";

pub(super) fn read(settings: &config::Redis) -> Result<Config, String> {
    let (url, ca_file) = (settings.url.as_str(), settings.ca_file.as_str());
    if ca_file.is_empty() {
        return Config::from_url(url).map_err(|cause| match cause.kind() {
            ErrorKind::Tls => "The certificates of this machine cannot be read, and a redis.url with TLS needs them: \
                               install ca-certificates, or name a file in redis.ca_file."
                .to_string(),
            _ => SHAPE.to_string(),
        });
    }
    // Read as if without TLS: the client would ask for the certificates of this machine, which need not have any.
    let plain = [("rediss", "redis"), ("valkeys", "valkey")]
        .iter()
        .find_map(|(tls, plain)| url.strip_prefix(tls).map(|rest| format!("{plain}{rest}")))
        .ok_or("redis.ca_file is for TLS, and redis.url asks for none: let it begin with rediss.")?;
    let mut config = Config::from_url(&plain).map_err(|_| SHAPE.to_string())?;
    config.tls = Some(trusting(ca_file)?.into());
    Ok(config)
}

/// Trusts these certificates and no others.
fn trusting(file: &str) -> Result<TlsConnector, String> {
    let unusable = |cause: &dyn std::fmt::Display| {
        format!("redis.ca_file: {file} cannot be used ({cause}). It must hold one or more certificates as PEM.")
    };
    let mut roots = RootCertStore::empty();
    let certificates = CertificateDer::pem_file_iter(file).map_err(|cause| unusable(&cause))?;
    for certificate in certificates {
        let certificate = certificate.map_err(|cause| unusable(&cause))?;
        roots.add(certificate).map_err(|cause| unusable(&cause))?;
    }
    if roots.is_empty() {
        return Err(unusable(&"it holds none"));
    }
    Ok(ClientConfig::builder()
        .with_root_certificates(roots)
        .with_no_client_auth()
        .into())
}
