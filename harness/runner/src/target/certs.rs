//! The certificates of a target: an authority made for the run, and a server certificate signed by it.

use std::fs;
use std::io;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::path::Path;
use std::time::{SystemTime, UNIX_EPOCH};

use rcgen::{
    BasicConstraints, CertificateParams, DnType, ExtendedKeyUsagePurpose, IsCa, Issuer, KeyPair,
    KeyUsagePurpose, OtherNameValue, SanType, date_time_ymd,
};

/// `id-on-xmppAddr` (RFC 6120 §13.7.1.4).
const XMPP_ADDR: [u64; 9] = [1, 3, 6, 1, 5, 5, 7, 8, 5];

/// Writes `ca.crt`, `server.crt`, `server.key` and `server.pem` (certificate, authority, key) for `domain` into `folder`.
///
/// # Errors
/// Those of writing; those of making certificates as `InvalidInput` (a domain that no certificate can hold).
pub(super) fn write(folder: &Path, domain: &str) -> io::Result<()> {
    let (ca, server, key) =
        make(domain).map_err(|e| io::Error::new(io::ErrorKind::InvalidInput, e))?;
    fs::create_dir_all(folder)?;
    fs::write(folder.join("ca.crt"), &ca)?;
    fs::write(folder.join("server.crt"), &server)?;
    fs::write(folder.join("server.key"), &key)?;
    fs::write(folder.join("server.pem"), format!("{server}{ca}{key}"))
}

/// Valid from the start of last year to the end of the next: ejabberd sets a timer for the end, which rcgen's default (the
/// year 4096) overflows.
fn set_validity(params: &mut CertificateParams) {
    /// The mean length of a year, in seconds.
    const YEAR: u64 = 31_556_952;
    let now = SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .map_or(0, |d| d.as_secs());
    let year = i32::try_from(1970 + now / YEAR).unwrap_or(2026);
    params.not_before = date_time_ymd(year - 1, 1, 1);
    params.not_after = date_time_ymd(year + 2, 1, 1);
}

fn make(domain: &str) -> Result<(String, String, String), rcgen::Error> {
    let ca_key = KeyPair::generate()?;
    let mut params = CertificateParams::default();
    params
        .distinguished_name
        .push(DnType::CommonName, "xmppspec authority of one run");
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    params.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign];
    set_validity(&mut params);
    let ca = params.self_signed(&ca_key)?;
    let issuer = Issuer::new(params, ca_key);

    let key = KeyPair::generate()?;
    let mut params = CertificateParams::new(vec![
        domain.to_owned(),
        format!("*.{domain}"),
        "localhost".to_owned(),
    ])?;
    params.distinguished_name.push(DnType::CommonName, domain);
    params.subject_alt_names.extend([
        SanType::IpAddress(IpAddr::V4(Ipv4Addr::LOCALHOST)),
        SanType::IpAddress(IpAddr::V6(Ipv6Addr::LOCALHOST)),
        SanType::OtherName((
            XMPP_ADDR.to_vec(),
            OtherNameValue::Utf8String(domain.to_owned()),
        )),
    ]);
    params.key_usages = vec![KeyUsagePurpose::DigitalSignature];
    // Both: servers are clients of one another.
    params.extended_key_usages = vec![
        ExtendedKeyUsagePurpose::ServerAuth,
        ExtendedKeyUsagePurpose::ClientAuth,
    ];
    set_validity(&mut params);
    let server = params.signed_by(&key, &issuer)?;
    Ok((ca.pem(), server.pem(), key.serialize_pem()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use x509_parser::pem::parse_x509_pem;

    #[test]
    fn the_certificate_names_the_domain_and_is_signed_by_the_authority() {
        let (ca, server, _) = make("capulet.example").unwrap();
        let (_, ca) = parse_x509_pem(ca.as_bytes()).unwrap();
        let (_, server) = parse_x509_pem(server.as_bytes()).unwrap();
        let (ca, server) = (ca.parse_x509().unwrap(), server.parse_x509().unwrap());
        assert!(ca.is_ca() && !server.is_ca());
        assert_eq!(server.issuer(), ca.subject());
        assert!(ca.validity().is_valid() && server.validity().is_valid());
        let names = format!(
            "{:?}",
            server.subject_alternative_name().unwrap().unwrap().value
        );
        assert!(names.contains("DNSName(\"capulet.example\")"), "{names}");
        assert!(names.contains("OtherName"), "{names}");
    }
}
