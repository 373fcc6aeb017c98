//! Putting keys into plans. What the keys and plans of a call are like is read once; each link is judged on top of
//! those before it, and all that were found good are added at the end.

use super::reader::id_list;
use super::row::{Kept, kept};
use crate::api_keys::row::number;
use crate::error::failed;
use crate::sql::{Values, rows};
use gatepost_domain::AccountId;
use gatepost_domain::api_keys::ApiKeyId;
use gatepost_domain::usage_plans::{self, Attachment, PlanOnKey, Stages, UsagePlanId};
use gatepost_storage::{StorageError, UsagePlanKey};
use sqlx::{Row, SqliteConnection};
use std::collections::{HashMap, HashSet};

const ATTACH: &str = include_str!("../../queries/usage_plan/attach.sql");
const NEXT_VERSION: &str = include_str!("../../queries/api_key/next_version.sql");

/// So many links go into one statement.
const PORTION: usize = 500;

pub(crate) async fn attach(
    conn: &mut SqliteConnection,
    account: AccountId,
    links: &[UsagePlanKey],
    most: usize,
) -> Result<Vec<Attachment>, StorageError> {
    let mut desk = Desk::new(account, most);
    desk.read_keys(conn, links.iter().map(|link| &link.key)).await?;
    desk.read_plans(conn, links.iter().map(|link| &link.plan)).await?;
    let outcomes = links.iter().map(|link| desk.judge(&link.key, &link.plan)).collect();
    let mut rest: Vec<&ApiKeyId> = desk.added.iter().map(|link| link.key).collect();
    desk.add(conn).await?;
    // A key that was put into several plans gets a version for each.
    while !rest.is_empty() {
        let mut seen = HashSet::with_capacity(rest.len());
        let (firsts, others): (Vec<_>, Vec<_>) = rest.into_iter().partition(|key| seen.insert(*key));
        next_version(conn, account, firsts.into_iter()).await?;
        rest = others;
    }
    Ok(outcomes)
}

/// Gives different keys their next version, and tells it.
pub(super) async fn next_version(
    conn: &mut SqliteConnection,
    account: AccountId,
    keys: impl Iterator<Item = &ApiKeyId>,
) -> Result<(), StorageError> {
    let list = id_list(keys.map(ApiKeyId::as_str));
    let query = sqlx::query(NEXT_VERSION).bind(number(account)).bind(list);
    query.execute(conn).await.map(drop).map_err(failed)
}

/// The keys and plans of a call, and the links that it adds.
pub(crate) struct Desk<'c> {
    account: AccountId,
    most: usize,
    keys: HashMap<&'c ApiKeyId, Key>,
    /// The places of the plans that are asked for and there.
    places: HashMap<UsagePlanId, i64>,
    /// Those, and the ones that the keys are in.
    plans: HashMap<i64, (UsagePlanId, Stages)>,
    /// What was found of a set of plans and one more: most keys of a call are alike.
    judged: HashMap<(Vec<i64>, i64), Attachment>,
    added: Vec<Link<'c>>,
}

struct Key {
    created: i64,
    /// In their order.
    plans: Vec<i64>,
}

struct Link<'c> {
    key: &'c ApiKeyId,
    plan: i64,
    created: i64,
}

impl<'c> Desk<'c> {
    pub(crate) fn new(account: AccountId, most: usize) -> Self {
        let (keys, places, plans) = (HashMap::new(), HashMap::new(), HashMap::new());
        Self { account, most, keys, places, plans, judged: HashMap::new(), added: Vec::new() }
    }

    /// Looks up keys that may be there. It comes before the plans are read.
    pub(crate) async fn read_keys(
        &mut self,
        conn: &mut SqliteConnection,
        keys: impl Iterator<Item = &'c ApiKeyId>,
    ) -> Result<(), StorageError> {
        let mut seen = HashSet::new();
        let keys: Vec<&ApiKeyId> = keys.filter(|key| seen.insert(*key)).collect();
        let query = sqlx::query(include_str!("../../queries/usage_plan/read_keys.sql"));
        let list = id_list(keys.iter().map(|key| key.as_str()));
        for row in query.bind(number(self.account)).bind(list).fetch_all(conn).await.map_err(failed)? {
            let index: i64 = row.try_get(0).map_err(failed)?;
            let created = row.try_get(1).map_err(failed)?;
            let plan: Option<i64> = row.try_get(2).map_err(failed)?;
            let key = keys[index.cast_unsigned() as usize];
            self.keys.entry(key).or_insert(Key { created, plans: Vec::new() }).plans.extend(plan);
        }
        Ok(())
    }

    /// A key that is in no plan.
    pub(crate) fn new_key(&mut self, id: &'c ApiKeyId, created: i64) {
        self.keys.insert(id, Key { created, plans: Vec::new() });
    }

    /// Looks up the plans that are asked for, and those that the keys are in.
    pub(crate) async fn read_plans(
        &mut self,
        conn: &mut SqliteConnection,
        asked: impl Iterator<Item = &UsagePlanId>,
    ) -> Result<(), StorageError> {
        let asked: HashSet<&str> = asked.map(UsagePlanId::as_str).collect();
        let present: HashSet<i64> = self.keys.values().flat_map(|key| key.plans.iter().copied()).collect();
        let present = serde_json::to_string(&present).expect("numbers are JSON");
        let query = sqlx::query(include_str!("../../queries/usage_plan/read_plans.sql"));
        let query = query.bind(number(self.account)).bind(id_list(asked.iter().copied())).bind(present);
        for row in query.fetch_all(conn).await.map_err(failed)? {
            let Kept { place, plan } = kept(&row)?;
            if asked.contains(plan.id.as_str()) {
                self.places.insert(plan.id.clone(), place);
            }
            self.plans.insert(place, (plan.id, plan.stages));
        }
        // Nothing is to be seen of those that are deleted.
        for key in self.keys.values_mut() {
            key.plans.retain(|plan| self.plans.contains_key(plan));
        }
        Ok(())
    }

    /// What becomes of putting a key into a plan, after all that was put before.
    pub(crate) fn judge(&mut self, key: &'c ApiKeyId, plan: &UsagePlanId) -> Attachment {
        let Some(&asked) = self.places.get(plan) else { return Attachment::NoSuchPlan };
        let Some(Key { created, plans }) = self.keys.get_mut(key) else { return Attachment::NoSuchKey };
        let (known, most) = (&self.plans, self.most);
        let judged = self.judged.entry((plans.clone(), asked)).or_insert_with(|| {
            let on_key = |place| {
                let (id, stages) = &known[place];
                PlanOnKey { id, stages }
            };
            let present: Vec<_> = plans.iter().map(on_key).collect();
            usage_plans::attach(&present, on_key(&asked), most)
        });
        if *judged == Attachment::Done {
            plans.push(asked);
            plans.sort_unstable();
            self.added.push(Link { key, plan: asked, created: *created });
        }
        judged.clone()
    }

    /// Adds what was found good, in the order of keys: those of an import are neighbours in it.
    pub(crate) async fn add(mut self, conn: &mut SqliteConnection) -> Result<(), StorageError> {
        self.added.sort_unstable_by_key(|link| (link.key, link.plan));
        for portion in self.added.chunks(PORTION) {
            let mut values = Values::default();
            for link in portion {
                values.add(number(self.account));
                values.add(link.key.as_str());
                values.add(link.plan);
                values.add(link.created);
            }
            values.execute(rows(ATTACH, portion.len()), conn).await.map_err(failed)?;
        }
        Ok(())
    }
}
