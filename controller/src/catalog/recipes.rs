//! Application recipes that were applied, as the ledger says.

use pulih_ledger::entry::Body;
use rusqlite::{Row, Transaction, params};

use super::{Catalog, Result};

pub const TABLES: &str = "
    -- What follows from the ledger.
    CREATE TABLE recipe (
        name TEXT NOT NULL, version INTEGER NOT NULL, object TEXT NOT NULL, applied INTEGER NOT NULL,
        PRIMARY KEY (name, version)
    ) STRICT;
    -- When each last had its turn.
    CREATE TABLE recipe_tried (name TEXT PRIMARY KEY, at INTEGER NOT NULL) STRICT;
";

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AppliedRecipe {
    pub name: String,
    pub version: u64,
    pub object: String,
    pub applied: i64,
}

/// Follows an entry of this kind; others are not taken.
pub fn apply(db: &Transaction, _index: u64, at: i64, body: &Body) -> rusqlite::Result<bool> {
    let Body::RecipeApplied(its) = body else { return Ok(false) };
    let sql = "INSERT OR IGNORE INTO recipe (name, version, object, applied) VALUES (?1, ?2, ?3, ?4)";
    db.execute(sql, params![its.recipe, its.version as i64, its.object.to_string(), at]).map(|_| true)
}

/// A recipe has had its turn in a drill.
pub fn turn(db: &Transaction, at: i64, drill: &str, recipe: &str) -> rusqlite::Result<()> {
    let sql = "INSERT INTO recipe_tried (name, at) SELECT ?1, coalesce((SELECT announced FROM drill WHERE id = ?2), ?3) \
               WHERE true ON CONFLICT (name) DO UPDATE SET at = MAX(at, excluded.at)";
    db.execute(sql, params![recipe, drill, at]).map(drop)
}

fn recipe(row: &Row) -> rusqlite::Result<AppliedRecipe> {
    Ok(AppliedRecipe {
        name: row.get(0)?,
        version: row.get::<_, i64>(1)? as u64,
        object: row.get(2)?,
        applied: row.get(3)?,
    })
}

impl Catalog {
    /// The newest version of each recipe.
    pub fn recipes(&self) -> Result<Vec<AppliedRecipe>> {
        let sql = "SELECT name, MAX(version), object, applied FROM recipe GROUP BY name ORDER BY name";
        self.all(sql, [], recipe)
    }

    /// When a recipe last had its turn in a drill, tried or skipped.
    pub fn recipe_tried(&self, name: &str) -> Result<Option<i64>> {
        self.one("SELECT at FROM recipe_tried WHERE name = ?1", [name], |row| row.get(0))
    }

    /// A version of a recipe; `None`: the newest.
    pub fn recipe(&self, name: &str, version: Option<u64>) -> Result<Option<AppliedRecipe>> {
        let sql = "SELECT name, version, object, applied FROM recipe WHERE name = ?1 \
                   AND (?2 IS NULL OR version = ?2) ORDER BY version DESC LIMIT 1";
        self.one(sql, params![name, version.map(|version| version as i64)], recipe)
    }
}
