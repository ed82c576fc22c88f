//! Pairing two sites: cards that are written, shown and believed.

use std::fs::OpenOptions;
use std::io::{Read as _, Write as _};
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::Path;

use pulih_ledger::entry::kinds::{PusatMoved, SitePaired};
use serde_json::{Value, json};

use super::ask::answer;
use super::{Failure, Signed, person, proposal};
use crate::card::{self, Card};
use crate::control::Ask;
use crate::site::{SiteDir, SiteRole};

fn said(error: impl std::fmt::Display) -> Failure {
    Failure::Said(error.to_string())
}

fn read(file: &Path) -> Result<(String, Card), Failure> {
    let cannot = |error| Failure::Said(format!("cannot read the card {}: {error}", file.display()));
    let mut text = String::new();
    let opened = std::fs::File::open(file).map_err(cannot)?;
    opened.take(card::MAX_BYTES as u64 + 1).read_to_string(&mut text).map_err(cannot)?;
    let card = Card::parse(&text).map_err(|error| Failure::Said(format!("{}: {error}", file.display())))?;
    Ok((text, card))
}

/// Writes a card; one that is there is replaced, for it holds no secret and can be made again.
fn write(file: &Path, text: &str) -> Result<(), Failure> {
    let cannot = |error| Failure::Said(format!("cannot write the card {}: {error}", file.display()));
    let mut out = OpenOptions::new().write(true).create(true).truncate(true).mode(0o644).open(file).map_err(cannot)?;
    out.write_all(text.as_bytes()).and_then(|()| out.sync_all()).map_err(cannot)
}

/// What `--json` prints of a card that was written, or not.
fn made(site: Option<&str>, file: Option<(&Path, &str)>) -> Value {
    json!({
        "type": "pulih/card-made/v1", "site": site, "file": file.map(|(path, _)| path.display().to_string()),
        "fingerprint": file.map(|(_, text)| card::fingerprint(text).to_string()),
    })
}

pub fn offer(dir: &SiteDir, out: &Path, json: bool) -> Result<(), Failure> {
    let answer = answer(dir, Ask::PairOffer)?;
    let text = answer["card"].as_str().unwrap_or_default();
    write(out, text)?;
    if json {
        println!("{}", made(None, Some((out, text))));
        return Ok(());
    }
    let (to, their) = match dir.site()?.role {
        SiteRole::Drc => ("Pusat Data", "pusat.card"),
        SiteRole::Pusat => ("DRC", "drc.card"),
    };
    println!("Wrote this site's card to {}. Its fingerprint:\n", out.display());
    println!("  {}\n", card::spelled(&card::fingerprint(text)));
    println!("Bring the card to the {to}, and read the fingerprint to its admin by telephone. There:\n");
    println!(
        "  pulih-controller pair accept {} --fingerprint \"…\" --out {their} --as USER --sign-with KEY",
        out.display()
    );
    Ok(())
}

pub fn show(file: &Path, json: bool) -> Result<(), Failure> {
    let (text, card) = read(file)?;
    let fingerprint = card::fingerprint(&text);
    if json {
        let mut value = serde_json::to_value(&card).map_err(said)?;
        value["fingerprint"] = fingerprint.to_string().into();
        println!("{value}");
        return Ok(());
    }
    println!("{} ({}), {}", card.name, card.site, card.role.as_str());
    println!("  ledger key  {}", card.key().map_err(said)?.fingerprint());
    println!("  CA          {}", card.ca_hash().map_err(said)?);
    if let Some(url) = &card.url {
        println!("  gateway     {url}");
    }
    println!("  fingerprint {}", card::spelled(&fingerprint));
    Ok(())
}

pub fn accept(
    dir: &SiteDir,
    file: &Path,
    fingerprint: &str,
    out: Option<&Path>,
    signed: &Signed,
    json: bool,
) -> Result<(), Failure> {
    let (text, card) = read(file)?;
    let site = dir.site()?;
    // It asks for a certificate to read here; one that brings a certificate is read.
    let reads_here = card.certificate.is_none();
    if out.is_none() && reads_here {
        return Err(Failure::Said("say with --out where this site's card for the other one goes".into()));
    }
    must_be_typed(file, &text, fingerprint)?;
    if site.role == SiteRole::Drc && has_other_keys(dir, &card)? {
        let made = proposal::keys(dir, signed, &text, &card)?;
        if json {
            println!("{made}");
        } else {
            print!("{}", proposal::made(&made["entry"]));
        }
        return Ok(());
    }
    if !is_paired_by(dir, &card, &text)? {
        let paired: SitePaired = card.paired(&text).map_err(said)?;
        let entry = person::entry(&site, signed, paired.into())?;
        answer(dir, Ask::Act { entry, attachment: Some(text.clone()) })?;
    }
    let own = if reads_here {
        answer(dir, Ask::PairCertify { card: text })?["card"].as_str().map(str::to_owned)
    } else {
        answer(dir, Ask::PairTake { card: text })?;
        None
    };
    let written = match (out, &own) {
        (Some(path), Some(own)) => {
            write(path, own)?;
            Some((path, own.as_str()))
        }
        _ => None,
    };
    if json {
        println!("{}", made(Some(card.site.as_str()), written));
        return Ok(());
    }
    println!("{} is paired with {} ({}).", site.name, card.name, card.site);
    match written {
        Some((path, own)) => {
            println!(
                "\nThis site's card is in {}. Its fingerprint, for the admin of the other site:\n",
                path.display()
            );
            println!("  {}\n", card::spelled(&card::fingerprint(own)));
            println!("Bring it there, and then:\n");
            println!("  pulih-controller pair accept {} --fingerprint \"…\" --as USER --sign-with KEY", path.display());
        }
        None if site.role == SiteRole::Drc => {
            println!("`pulih-controller serve` pulls from now on; `replicate --once` does one round.");
        }
        None => println!(
            "`pulih-controller replicate --once` fills this site, before it serves; run it until nothing is missing."
        ),
    }
    Ok(())
}

/// That a person read out this card's fingerprint.
fn must_be_typed(file: &Path, text: &str, fingerprint: &str) -> Result<(), Failure> {
    let print = card::fingerprint(text);
    if card::typed(fingerprint).is_some_and(|typed| typed == print) {
        return Ok(());
    }
    Err(Failure::Said(format!(
        "{} has another fingerprint than the one that was read out: {}. Nothing was changed; read it out once more, and \
         if it still differs, the card was changed on its way",
        file.display(),
        card::spelled(&print),
    )))
}

/// At the DRC: agents go on at the Pusat Data whose card this is, which was filled from here.
pub fn moved(dir: &SiteDir, file: &Path, fingerprint: &str, signed: &Signed, json: bool) -> Result<(), Failure> {
    let (text, card) = read(file)?;
    must_be_typed(file, &text, fingerprint)?;
    let url =
        card.url.clone().ok_or_else(|| Failure::Said("the card has no address that agents could reach".into()))?;
    let moved = PusatMoved { peer: card.site.clone(), url: url.clone(), card_sha256: card::fingerprint(&text) };
    let entry = person::entry(&dir.site()?, signed, moved.into())?;
    let answer = answer(dir, Ask::Act { entry, attachment: Some(text) })?;
    if json {
        println!("{answer}");
    } else {
        println!("Agents go on at {} ({url}) from now on, as soon as theirs does not answer.", card.name);
    }
    Ok(())
}

/// Whether this very card was signed for already, and only what follows is missing.
fn is_paired_by(dir: &SiteDir, card: &Card, text: &str) -> Result<bool, Failure> {
    let known = answer(dir, Ask::PeerList)?;
    let peers = known["peers"].as_array().cloned().unwrap_or_default();
    let print = card::fingerprint(text).to_string();
    Ok(peers
        .iter()
        .any(|its| its["site"] == card.site.as_str() && its["ended"].is_null() && its["card_sha256"] == print.as_str()))
}

/// Whether the card has another CA than the one that is known of a site which is paired.
fn has_other_keys(dir: &SiteDir, card: &Card) -> Result<bool, Failure> {
    let (known, ca) = (answer(dir, Ask::PeerList)?, card.ca_hash().map_err(said)?.to_string());
    let mut peers = known["peers"].as_array().into_iter().flatten();
    Ok(peers.any(|its| its["site"] == card.site.as_str() && its["ended"].is_null() && its["ca_sha256"] != ca.as_str()))
}
