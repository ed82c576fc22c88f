//! Facts of sites: which there are, where they stand, how far from each other, and who runs them.

use geographiclib_rs::{Geodesic, InverseGeodesic as _};
use pulih_evidence::register::Recorded;
use pulih_ledger::entry::kinds::SiteDescribed;
use pulih_vault::utc;
use serde_json::Value;

use super::records::{Ledger, Object, Records};
use crate::site::SiteRole;

/// Codes and names of regencies, by Kemendagri.
const REGENCIES: &str = include_str!("../../../policies/regencies.csv");

/// The name of a regency; `None`: there is none of that code in Indonesia.
pub fn regency(code: &str) -> Option<&'static str> {
    let row = |line: &'static str| {
        let mut cells = line.split(',');
        (cells.next() == Some(code)).then(|| cells.next()).flatten()
    };
    REGENCIES.lines().skip(1).find_map(row)
}

/// Whose sites they are: their ids end in it.
pub fn own_regency(records: &Records) -> Value {
    let code = records.own.site.as_str().split_once('-').map_or("", |(_, code)| code);
    Object::default().with("code", code).with_some("name", regency(code)).into()
}

pub fn sites(records: &Records) -> Value {
    let is_there = |role: SiteRole| {
        let is_peer =
            records.all().any(|its| its.register().peers.values().any(|peer| peer.says.role == role.as_str()));
        records.sources.role == role || is_peer
    };
    Object::default().with("pusat", is_there(SiteRole::Pusat)).with("drc", is_there(SiteRole::Drc)).into()
}

fn described(ledger: &Ledger) -> Option<&Recorded<SiteDescribed>> {
    ledger.register().described.as_ref()
}

fn place(ledger: &Ledger) -> (Object, Vec<String>) {
    let its = described(ledger);
    let says = its.map(|its| &its.says);
    let object = Object::default()
        .with("site", ledger.site.as_str())
        .with_some("regency", says.and_then(|says| says.regency.clone()))
        .with_some("operator", says.and_then(|says| says.operator.clone()));
    (object, its.map(|its| ledger.entry(its)).into_iter().collect())
}

pub fn pusat(records: &Records) -> Option<Value> {
    let ledger = records.of(SiteRole::Pusat)?;
    let (object, entries) = place(ledger);
    let says = described(ledger).map(|its| &its.says);
    let object = object
        .with_some("latitude", says.and_then(|says| says.latitude.clone()))
        .with_some("longitude", says.and_then(|says| says.longitude.clone()));
    Some(object.from_entries(entries))
}

pub fn drc(records: &Records) -> Option<Value> {
    let ledger = records.drc()?;
    let (object, mut entries) = place(ledger);
    let its = described(ledger).map(|its| &its.says);
    let pusat = records.of(SiteRole::Pusat).and_then(described);
    entries.extend(records.of(SiteRole::Pusat).zip(pusat).map(|(ledger, its)| ledger.entry(its)));
    let here = its.and_then(|its| its.regency.as_deref());
    // Where nobody said where the Pusat Data stands, it stands in the regency whose it is.
    let there = pusat.and_then(|its| its.says.regency.as_deref());
    let there = there.or_else(|| ledger.site.as_str().split_once('-').map(|(_, code)| code));
    let object = object
        .with_some("operator_is_asn", its.and_then(|its| its.operator_is_asn))
        .with_some("provider", its.and_then(|its| its.provider.clone()))
        .with_some("outside", here.zip(there).map(|(here, there)| here != there))
        .with_some("in_indonesia", here.map(|code| regency(code).is_some()))
        .with_some("distance_km", its.zip(pusat).and_then(|(drc, pusat)| distance_km(drc, &pusat.says)));
    let certificates = its.map(|its| {
        its.certificates
            .iter()
            .filter_map(|its| {
                let until = utc::parse(its.until.as_str())?;
                let object = Object::default().with("name", its.name.clone()).with("number", its.number.clone());
                Some(Value::from(object.with("days_left", records.days_until(until))))
            })
            .collect::<Vec<_>>()
    });
    Some(object.with_some("certificates", certificates).from_entries(entries))
}

/// Along the surface of the ellipsoid WGS 84, whole kilometres rounded down.
fn distance_km(a: &SiteDescribed, b: &SiteDescribed) -> Option<i64> {
    let degrees = |text: &Option<String>| text.as_ref()?.parse::<f64>().ok();
    let (lat1, lon1) = (degrees(&a.latitude)?, degrees(&a.longitude)?);
    let (lat2, lon2) = (degrees(&b.latitude)?, degrees(&b.longitude)?);
    let metres: f64 = Geodesic::wgs84().inverse(lat1, lon1, lat2, lon2);
    Some((metres / 1000.0) as i64)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(latitude: &str, longitude: &str) -> SiteDescribed {
        SiteDescribed {
            name: "x".into(),
            regency: None,
            latitude: Some(latitude.into()),
            longitude: Some(longitude.into()),
            operator: None,
            operator_is_asn: None,
            provider: None,
            certificates: Vec::new(),
        }
    }

    #[test]
    fn distances_go_along_the_ellipsoid() {
        // A degree of the equator is 111.3195 km, one of a meridian there 110.5744 km.
        assert_eq!(distance_km(&at("0", "100"), &at("0", "101")), Some(111));
        assert_eq!(distance_km(&at("0", "100"), &at("1", "100")), Some(110));
        assert_eq!(distance_km(&at("0", "100"), &at("0", "110")), Some(1113));
        assert_eq!(distance_km(&at("-6.8", "110.84"), &at("-6.8", "110.84")), Some(0));
        assert_eq!(distance_km(&at("x", "1"), &at("0", "1")), None);
    }

    #[test]
    fn codes_are_those_of_kemendagri() {
        assert_eq!((regency("14.09"), regency("33.19")), (Some("Kabupaten Kuantan Singingi"), Some("Kabupaten Kudus")));
        assert_eq!((regency("99.99"), regency("code")), (None, None));
    }
}
