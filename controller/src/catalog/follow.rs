//! Following the ledger: each entry changes the catalog once, in the order in which it was
//! written, together with how far the catalog has come.

use pulih_ledger::Actor;
use pulih_ledger::entry::Body;
use pulih_ledger::ids::OpdId;
use pulih_ledger::time::Time;
use pulih_vault::utc;
use rusqlite::{Transaction, TransactionBehavior, params};

use super::{
    Catalog, CatalogError, Result, adopted, changes, copies, drills, keeping, keys, recipes, recoveries, regulations,
    replicas, silence, standing, traffic, witnesses,
};

/// What the catalog sees of an entry: `None` of one that cannot be read, and no body of one of a kind that this
/// version does not know, which changes nothing here but the clock.
pub type Followed<'e> = Option<(&'e Time, &'e Actor, Option<&'e Body>)>;

pub(super) fn seconds(time: &Time) -> i64 {
    utc::parse(time.as_str()).unwrap_or(0)
}

impl Catalog {
    /// The entry of the ledger that comes next.
    pub fn next_entry(&self) -> Result<u64> {
        let size: Option<i64> = self.one("SELECT size FROM ledger", [], |row| row.get(0))?;
        Ok(size.unwrap_or(0) as u64)
    }

    /// Takes in the entry with this index.
    pub fn follow(&mut self, index: u64, entry: Followed) -> Result<()> {
        self.follow_all(index, [entry])
    }

    /// Takes in entries, the first of which has this index: all or none of them.
    pub fn follow_all<'e>(&mut self, from: u64, entries: impl IntoIterator<Item = Followed<'e>>) -> Result<()> {
        let next = self.next_entry()?;
        if next != from {
            return Err(CatalogError::OutOfStep { path: self.path.clone(), at: next, index: from });
        }
        let path = self.path.clone();
        let failed = |source| CatalogError::Sqlite { path: path.clone(), source };
        // Begun as one that writes: one that reads first is refused at once, and does not wait, where another
        // connection wrote in between.
        let transaction = self.db.transaction_with_behavior(TransactionBehavior::Immediate).map_err(failed)?;
        let mut end = from;
        for entry in entries {
            match entry {
                Some((at, actor, body)) => follow(&transaction, end, seconds(at), actor, body),
                None => replicas::unread(&transaction, end),
            }
            .map_err(failed)?;
            end += 1;
        }
        transaction.execute("UPDATE ledger SET size = ?1", [end as i64]).map_err(failed)?;
        transaction.commit().map_err(failed)
    }
}

/// Each room takes the kinds that are its own.
fn follow(db: &Transaction, index: u64, at: i64, actor: &Actor, body: Option<&Body>) -> rusqlite::Result<()> {
    // What a person signed is dated by that person's clock.
    if matches!(actor, Actor::Site | Actor::Agent { .. }) {
        keeping::tick(db, at)?;
    }
    let Some(body) = body else { return Ok(()) };
    match body {
        Body::ObjectsDeleted(its) => copies::forget(db, &its.objects)?,
        Body::SnapshotAccepted(its) => silence::succeeded(db, its)?,
        _ => {}
    }
    for room in [keeping::apply, changes::apply, drills::apply, regulations::apply] {
        if room(db, index, at, actor, body)? {
            return Ok(());
        }
    }
    let rooms = [
        copies::apply,
        recoveries::apply,
        adopted::apply,
        silence::apply,
        witnesses::apply,
        keys::apply,
        recipes::apply,
        traffic::apply,
    ];
    for room in rooms {
        if room(db, index, at, body)? {
            return Ok(());
        }
    }
    apply(db, index, at, body)
}

/// Of people, servers and their keys.
fn apply(db: &Transaction, index: u64, at: i64, body: &Body) -> rusqlite::Result<()> {
    match body {
        Body::UserAdded(its) => {
            db.execute("INSERT OR IGNORE INTO user_entry (number) VALUES (?1)", [index as i64])?;
            let sql = "INSERT OR REPLACE INTO user (id, name, roles, opd, at, decree, until) \
                       VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)";
            let (opd, until) = (its.opd.as_ref().map(OpdId::as_str), its.until.as_ref().map(seconds));
            db.execute(sql, params![its.user.as_str(), its.name, its.roles.join(" "), opd, at, its.decree, until])
        }
        Body::OpdAdded(its) => {
            let owner = its.owner.map(|owner| owner.to_string());
            let sql = "INSERT INTO opd (name, title, owner, at) VALUES (?1, ?2, ?3, ?4) \
                       ON CONFLICT (name) DO UPDATE SET title = ?2, owner = ?3, at = COALESCE(at, ?4)";
            db.execute(sql, params![its.opd.as_str(), its.name, owner, at])
        }
        Body::AgentInvited(its) => {
            let sql = "INSERT OR IGNORE INTO invitation (secret_hash, agent, opd, expires, again, used) \
                       VALUES (?1, ?2, ?3, ?4, ?5, 0)";
            let (agent, opd) = (its.agent.as_str(), its.opd.as_str());
            db.execute(sql, params![&its.token_sha256.0[..], agent, opd, seconds(&its.expires), its.again])
        }
        Body::CertificateIssued(its) => {
            let agent = its.agent.as_str();
            if let Some(token) = &its.token_sha256 {
                let token = &token.0[..];
                let sql = "INSERT INTO agent (name, opd, enrolled, enrolment) \
                           SELECT agent, opd, ?2, ?3 FROM invitation WHERE secret_hash = ?1 \
                           ON CONFLICT (name) DO UPDATE SET enrolment = ?3";
                db.execute(sql, params![token, at, index as i64])?;
                // Whoever holds the older ones is not the server that was set up anew.
                let sql = "DELETE FROM certificate WHERE agent = ?2 AND \
                           (SELECT again FROM invitation WHERE secret_hash = ?1)";
                db.execute(sql, params![token, agent])?;
                let sql = "UPDATE lineage SET refused = 2 WHERE agent = ?2 AND refused = 0 AND \
                           (SELECT again FROM invitation WHERE secret_hash = ?1)";
                db.execute(sql, params![token, agent])?;
                db.execute("UPDATE invitation SET used = 1 WHERE secret_hash = ?1", [token])?;
            }
            // Which one was renewed is not known here: as long as one is left that was taken over, it may be that.
            let sql = "INSERT OR IGNORE INTO certificate (hash, agent, not_after, taken_over) VALUES (?1, ?2, ?3, \
                       ?4 AND EXISTS (SELECT 1 FROM certificate WHERE agent = ?2 AND taken_over = 1))";
            let renewed = its.token_sha256.is_none();
            db.execute(sql, params![&its.certificate_sha256.0[..], agent, seconds(&its.not_after), renewed])
        }
        Body::AgentEnrolled(its) => {
            let sql = "INSERT INTO vault (id, agent, class, described, key, keyed) VALUES (?1, ?2, ?3, 1, ?4, ?5) \
                       ON CONFLICT (id) DO UPDATE SET described = described + 1, key = ?4, \
                       keyed = CASE key WHEN ?4 THEN keyed ELSE ?5 END";
            let key = its.key.to_string();
            db.execute(sql, params![its.vault.to_string(), its.agent.as_str(), its.class, key, index as i64])
        }
        Body::AgentRevoked(its) => db.execute(
            "UPDATE agent SET revoked = ?2 WHERE name = ?1 AND revoked IS NULL",
            params![its.agent.as_str(), at],
        ),
        Body::LineageBegun(its) => {
            let sql = "INSERT OR IGNORE INTO lineage (id, agent, number, machine, host, refused) \
                       VALUES (?1, ?2, ?3, ?4, ?5, 0)";
            db.execute(sql, params![its.lineage, its.agent.as_str(), index as i64, its.machine, its.host])
        }
        Body::CloneRefused(its) => db.execute("UPDATE lineage SET refused = 1 WHERE id = ?1", [&its.lineage]),
        other => apply_data(db, index, at, other),
    }
    .map(|_| ())
}

/// Of what is saved, and what is allowed with it.
fn apply_data(db: &Transaction, index: u64, at: i64, body: &Body) -> rusqlite::Result<usize> {
    match body {
        Body::ApprovalGiven(its) => {
            let sql = "INSERT OR IGNORE INTO approval (id, opd, vault, dataset, by, letter, document, until) \
                       VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8)";
            let (vault, dataset) = (its.vault.to_string(), its.dataset.to_string());
            let document = its.document_sha256.to_string();
            let until = its.until.as_ref().map(seconds);
            let (approval, opd) = (its.approval.as_str(), its.opd.as_str());
            db.execute(sql, params![approval, opd, vault, dataset, its.by, its.letter, document, until])
        }
        Body::ApprovalEnded(its) => {
            let sql = "UPDATE approval SET ended = ?2 WHERE id = ?1 AND ended IS NULL";
            db.execute(sql, params![its.approval.as_str(), at])
        }
        Body::PolicyApplied(its) => {
            let sql = "INSERT INTO policy (object, name, version, applied) VALUES (?1, ?2, ?3, ?4)";
            db.execute(sql, params![its.object.to_string(), its.policy, its.version as i64, at])
        }
        Body::SnapshotAccepted(its) => {
            let sql = "INSERT OR IGNORE INTO snapshot \
                       (vault, dataset, name, captured, accepted, keep_until, tiers, stored_bytes, partial, late, \
                       number) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11)";
            let (vault, dataset) = (its.vault.to_string(), its.dataset.to_string());
            let values = params![
                vault,
                dataset,
                its.manifest.to_string(),
                its.captured.as_str(),
                at,
                its.keep_until.as_ref().map(seconds),
                its.tiers.join(" "),
                its.stored_bytes as i64,
                its.partial,
                its.late,
                index as i64,
            ];
            let added = db.prepare_cached(sql)?.execute(values)?;
            if added > 0 {
                standing::came(db, &vault, &dataset, its.partial, its.stored_bytes as i64)?;
            }
            Ok(added)
        }
        Body::PacksDoomed(its) => {
            let mut statement =
                db.prepare_cached("INSERT OR IGNORE INTO doomed (vault, pack, at) VALUES (?1, ?2, ?3)")?;
            let vault = its.vault.to_string();
            its.packs.iter().try_for_each(|pack| statement.execute(params![vault, pack, at]).map(|_| ())).map(|()| 0)
        }
        Body::RestoreAsked(its) => {
            let sql = "INSERT OR IGNORE INTO grants (id, vault, dataset, manifest, agent, reason, asked) \
                       VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)";
            let manifest = its.manifest.map(|name| name.to_string());
            let (vault, dataset) = (its.vault.to_string(), its.dataset.to_string());
            db.execute(sql, params![its.grant.as_str(), vault, dataset, manifest, its.agent.as_str(), its.reason, at])
        }
        Body::RestoreGrantGiven(its) => {
            let sql = "INSERT INTO grants (id, vault, dataset, manifest, agent, reason, until) \
                       VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7) ON CONFLICT (id) DO UPDATE SET vault = ?2, dataset = ?3, \
                       manifest = ?4, agent = ?5, until = ?7 WHERE until IS NULL";
            let dataset = its.dataset.as_ref().map(ToString::to_string);
            let manifest = its.manifest.map(|name| name.to_string());
            let (vault, until) = (its.vault.to_string(), seconds(&its.until));
            db.execute(sql, params![its.grant.as_str(), vault, dataset, manifest, its.to.as_str(), its.reason, until])
        }
        Body::RestoreGrantEnded(its) => {
            db.execute("UPDATE grants SET ended = ?2 WHERE id = ?1 AND ended IS NULL", params![its.grant.as_str(), at])
        }
        Body::RestoreGrantUsed(its) => {
            let sql = "INSERT OR IGNORE INTO grant_use (id, dataset, manifest) VALUES (?1, ?2, ?3)";
            db.execute(sql, params![its.grant.as_str(), its.dataset.to_string(), its.manifest.to_string()])
        }
        Body::Alarm(its) => {
            let sql = "INSERT INTO alarm (at, alarm, subject, text) VALUES (?1, ?2, ?3, ?4)";
            db.execute(sql, params![at, its.alarm, its.subject, its.text])
        }
        other => apply_sites(db, index, at, other),
    }
}

/// Of other sites, and of what came from them.
fn apply_sites(db: &Transaction, index: u64, at: i64, body: &Body) -> rusqlite::Result<usize> {
    match body {
        Body::SitePaired(its) => {
            let sql = "INSERT OR REPLACE INTO peer (site, role, name, key, ca, card, since) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)";
            let (key, ca, card) = (its.key.to_string(), its.ca_sha256.to_string(), its.card_sha256.to_string());
            db.execute(sql, params![its.peer.as_str(), its.role, its.name, key, ca, card, at])
        }
        Body::SiteUnpaired(its) => {
            // A pairing that comes after it starts with no certificate.
            db.execute("DELETE FROM peer_certificate WHERE site = ?1", [its.peer.as_str()])?;
            db.execute("UPDATE peer SET ended = ?2 WHERE site = ?1 AND ended IS NULL", params![its.peer.as_str(), at])
        }
        Body::SiteCertified(its) => {
            let sql = "INSERT OR IGNORE INTO peer_certificate (hash, site, not_after) VALUES (?1, ?2, ?3)";
            db.execute(sql, params![&its.certificate_sha256.0[..], its.peer.as_str(), seconds(&its.not_after)])
        }
        Body::VaultPinned(its) => {
            let sql = "INSERT OR IGNORE INTO pin (vault, opd, agent, class, owner) VALUES (?1, ?2, ?3, ?4, ?5)";
            let (vault, owner) = (its.vault.to_string(), its.owner.to_string());
            let (opd, agent) = (its.opd.as_str(), its.agent.as_str());
            db.execute(sql, params![vault, opd, agent, its.class, owner])?;
            // At a DRC this is all there is of an office, its server and its vault, until more is adopted.
            let sql = "INSERT OR IGNORE INTO opd (name, title, owner) VALUES (?1, ?1, ?2)";
            db.execute(sql, params![opd, owner])?;
            let sql = "INSERT OR IGNORE INTO agent (name, opd, enrolled, enrolment) VALUES (?1, ?2, ?3, ?4)";
            db.execute(sql, params![agent, opd, at, index as i64])?;
            let sql =
                "INSERT OR IGNORE INTO vault (id, agent, class, described, key, keyed) VALUES (?1, ?2, ?3, 0, '', ?4)";
            db.execute(sql, params![vault, agent, its.class, index as i64])
        }
        Body::SnapshotReplicated(its) => replicas::replicated(db, index, at, its),
        Body::PullRefused(its) => {
            let sql = "INSERT OR REPLACE INTO refusal (object, vault, dataset, name, reason, at) \
                       VALUES (?1, ?2, ?3, ?4, ?5, ?6)";
            let vault = its.vault.map(|vault| vault.to_string());
            let dataset = its.dataset.as_ref().map(ToString::to_string);
            let name = its.manifest.map(|name| name.to_string());
            db.execute(sql, params![its.object, vault, dataset, name, its.reason, at])
        }
        Body::LedgerDiverged(its) => {
            let sql = "INSERT INTO divergence (site, size, reason, at) VALUES (?1, ?2, ?3, ?4)";
            db.execute(sql, params![its.from.as_str(), its.size as i64, its.reason, at])
        }
        // The site's creation and imports change nothing here; the rest is taken above.
        _ => Ok(0),
    }
}
