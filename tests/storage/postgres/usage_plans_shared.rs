//! Rules over several rows, which two replicas could break together where each alone keeps them.
//!
//! [`race`] lets two calls meet by chance, many times; [`held`] makes them meet: the first has done all but its commit
//! when the second comes.

use super::samples::{account, connection, id, insert, insert_plan, key, link, plan, plan_id, row};
use super::storage;
use gatepost_domain::Version;
use gatepost_domain::usage::Day;
use gatepost_domain::usage_plans::{Attachment, StageId, UsagePlan};
use gatepost_storage::{
    Entity, ImportedApiKey, Incarnation, Keep, Metered, NewUsagePlan, PlanChanged, RowOutcome, Storage,
    StorageError, UnitOfWork, UsageCount, UsagePlanKey, Writer,
};
use gatepost_storage_postgres::PostgresStorage;
use sqlx::{AssertSqlSafe, Row as _};
use std::collections::HashSet;
use std::sync::Arc;
use std::time::Duration;
use tokio::task::JoinSet;

/// So many races run beside each other.
const LANES: u32 = 4;
/// And so many after each other.
const ROUNDS: u32 = 25;
/// Keys are in as many plans as they like.
const MANY: usize = 1_000;

/// Two replicas.
struct Two {
    one: super::Opened,
    other: PostgresStorage,
}

impl Two {
    async fn replicas() -> Arc<Self> {
        let one = storage().await;
        let other = one.replica().await;
        Arc::new(Self { one, other })
    }

    async fn count(&self, sql: &'static str) -> i64 {
        sqlx::query_scalar(sql).fetch_one(&mut connection(&self.one.database).await).await.unwrap()
    }

    async fn plans_of(&self, n: u32) -> Vec<String> {
        let mut plans = self.one.reader().find_plans_of_keys(account(), &[id(n)]).await.unwrap();
        plans.remove(0).iter().map(ToString::to_string).collect()
    }
}

/// Runs rounds, numbered from 0, some of them at once.
async fn race<F>(two: &Arc<Two>, round: impl Fn(Arc<Two>, u32) -> F + Clone + Send + 'static)
where
    F: Future<Output = ()> + Send + 'static,
{
    let mut lanes = JoinSet::new();
    for lane in 0..LANES {
        let (two, round) = (Arc::clone(two), round.clone());
        lanes.spawn(async move {
            for n in lane * ROUNDS..(lane + 1) * ROUNDS {
                round(Arc::clone(&two), n).await;
            }
        });
    }
    while let Some(lane) = lanes.join_next().await {
        lane.unwrap();
    }
}

/// What the second call answers that came before the first one's commit, and has to wait for it.
async fn held<T: Send + 'static, F>(
    two: &Arc<Two>,
    first: Box<dyn UnitOfWork>,
    second: impl FnOnce(Arc<Two>) -> F,
) -> T
where
    F: Future<Output = T> + Send + 'static,
{
    let second = tokio::spawn(second(Arc::clone(two)));
    tokio::time::sleep(Duration::from_millis(300)).await;
    assert!(!second.is_finished(), "the second call does not wait");
    first.commit().await.unwrap();
    second.await.unwrap()
}

async fn attach<W: Writer + ?Sized>(writer: &mut W, plan: &str, n: u32) -> Attachment {
    attach_all(writer, &[link(plan, n)]).await.remove(0)
}

async fn attach_all<W: Writer + ?Sized>(writer: &mut W, links: &[UsagePlanKey]) -> Vec<Attachment> {
    writer.attach_api_keys(account(), links, MANY).await.unwrap()
}

/// Gives a plan that has none, in its first version, a stage.
async fn give<W: Writer + ?Sized>(writer: &mut W, id: &str, stage: &str) -> PlanChanged {
    let plan = UsagePlan { version: Version(2), ..plan(id, &[stage]) };
    writer.update_usage_plan(account(), &plan, Version::FIRST).await.unwrap()
}

async fn delete_plan<W: Writer + ?Sized>(writer: &mut W, id: &str) {
    writer.delete_usage_plan(account(), &plan_id(id), Version::FIRST).await.unwrap();
}

fn stage(text: &str) -> StageId {
    StageId::parse(text).unwrap()
}

fn shared(text: &str) -> Attachment {
    Attachment::StageShared(stage(text))
}

fn stage_shared(text: &str, n: u32) -> PlanChanged {
    PlanChanged::StageShared { stage: stage(text), key: id(n) }
}

/// Two plans of round `n`, and its key.
async fn two_plans(two: &Two, n: u32, stages: [&[&str]; 2]) -> [String; 2] {
    let ids = [format!("p{n}"), format!("q{n}")];
    insert(&*two.one, n).await;
    for (id, stages) in ids.iter().zip(stages) {
        insert_plan(&*two.one, plan(id, stages)).await;
    }
    ids
}

#[tokio::test(flavor = "multi_thread")]
async fn a_key_gets_into_one_of_two_plans_that_share_a_stage() {
    let two = Two::replicas().await;
    race(&two, |two, n| async move {
        let [p, q] = two_plans(&two, n, [&["a:x"], &["b:x", "a:x"]]).await;
        let (mut one, mut other) = (two.one.writer(), two.other.writer());
        let outcomes = tokio::join!(attach(&mut *one, &p, n), attach(&mut *other, &q, n));
        let expected = [(Attachment::Done, shared("a:x")), (shared("a:x"), Attachment::Done)];
        assert!(expected.contains(&outcomes), "{outcomes:?}");
        assert_eq!(two.plans_of(n).await.len(), 1);
    })
    .await;

    let [p, q] = two_plans(&two, 900, [&["a:x"], &["a:x"]]).await;
    let mut unit = two.one.begin().await.unwrap();
    assert_eq!(attach(&mut *unit, &p, 900).await, Attachment::Done);
    let second = held(&two, unit, |two| async move { attach(&mut *two.other.writer(), &q, 900).await });
    assert_eq!(second.await, shared("a:x"));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_plan_with_a_stage_gets_a_key_or_the_keys_other_plan_gets_the_stage() {
    let two = Two::replicas().await;
    race(&two, |two, n| async move {
        let [p, q] = two_plans(&two, n, [&["a:x"], &[]]).await;
        attach(&mut *two.one.writer(), &q, n).await;
        let (mut one, mut other) = (two.one.writer(), two.other.writer());
        let outcomes = tokio::join!(attach(&mut *one, &p, n), give(&mut *other, &q, "a:x"));
        let expected = [(Attachment::Done, stage_shared("a:x", n)), (shared("a:x"), PlanChanged::Done)];
        assert!(expected.contains(&outcomes), "{outcomes:?}");
    })
    .await;

    let [p, q] = two_plans(&two, 900, [&["a:x"], &[]]).await;
    attach(&mut *two.one.writer(), &q, 900).await;
    let mut unit = two.one.begin().await.unwrap();
    assert_eq!(attach(&mut *unit, &p, 900).await, Attachment::Done);
    let second = held(&two, unit, |two| async move { give(&mut *two.other.writer(), &q, "a:x").await });
    assert_eq!(second.await, stage_shared("a:x", 900));

    let [p, q] = two_plans(&two, 901, [&["a:x"], &[]]).await;
    attach(&mut *two.one.writer(), &q, 901).await;
    let mut unit = two.one.begin().await.unwrap();
    assert_eq!(give(&mut *unit, &q, "a:x").await, PlanChanged::Done);
    let second = held(&two, unit, |two| async move { attach(&mut *two.other.writer(), &p, 901).await });
    assert_eq!(second.await, shared("a:x"));
}

#[tokio::test(flavor = "multi_thread")]
async fn of_two_plans_of_a_key_one_gets_a_stage() {
    let two = Two::replicas().await;
    race(&two, |two, n| async move {
        let [p, q] = two_plans(&two, n, [&[], &[]]).await;
        attach_all(&mut *two.one.writer(), &[link(&p, n), link(&q, n)]).await;
        let (mut one, mut other) = (two.one.writer(), two.other.writer());
        let outcomes = tokio::join!(give(&mut *one, &p, "a:x"), give(&mut *other, &q, "a:x"));
        let refused = || stage_shared("a:x", n);
        let expected = [(PlanChanged::Done, refused()), (refused(), PlanChanged::Done)];
        assert!(expected.contains(&outcomes), "{outcomes:?}");
    })
    .await;

    let [p, q] = two_plans(&two, 900, [&[], &[]]).await;
    attach_all(&mut *two.one.writer(), &[link(&p, 900), link(&q, 900)]).await;
    let mut unit = two.one.begin().await.unwrap();
    assert_eq!(give(&mut *unit, &p, "a:x").await, PlanChanged::Done);
    let second = held(&two, unit, |two| async move { give(&mut *two.other.writer(), &q, "a:x").await });
    assert_eq!(second.await, stage_shared("a:x", 900));
}

const LINKS: &str = "SELECT count(*) FROM usage_plan_key";

#[tokio::test(flavor = "multi_thread")]
async fn a_key_that_is_deleted_while_it_is_put_into_a_plan_leaves_no_link() {
    let two = Two::replicas().await;
    insert_plan(&*two.one, plan("p", &[])).await;
    insert_plan(&*two.one, plan("q", &[])).await;
    race(&two, |two, n| async move {
        insert(&*two.one, n).await;
        if n % 2 == 0 {
            attach(&mut *two.one.writer(), "q", n).await;
        }
        let (mut one, mut other, key) = (two.one.writer(), two.other.writer(), id(n));
        let (outcome, deleted) =
            tokio::join!(attach(&mut *one, "p", n), other.delete_api_key(account(), &key));
        assert!(deleted.unwrap());
        assert!([Attachment::Done, Attachment::NoSuchKey].contains(&outcome), "{outcome:?}");
        assert!(two.plans_of(n).await.is_empty());
        insert(&*two.one, n).await;
        assert!(two.plans_of(n).await.is_empty());
    })
    .await;
    assert_eq!(two.count(LINKS).await, 0);

    insert(&*two.one, 900).await;
    let mut unit = two.one.begin().await.unwrap();
    assert_eq!(attach(&mut *unit, "p", 900).await, Attachment::Done);
    let second = held(&two, unit, |two| async move {
        two.other.writer().delete_api_key(account(), &id(900)).await.unwrap()
    });
    assert!(second.await);
    assert_eq!(two.count(LINKS).await, 0);

    insert(&*two.one, 901).await;
    let mut unit = two.one.begin().await.unwrap();
    assert!(unit.delete_api_key(account(), &id(901)).await.unwrap());
    unit.insert_api_key(account(), key(901), None).await.unwrap();
    let second = held(&two, unit, |two| async move { attach(&mut *two.other.writer(), "p", 901).await });
    // Which of the two keys it was asked for nobody can say.
    let outcome = second.await;
    let links = if outcome == Attachment::Done { 1 } else { 0 };
    assert!([Attachment::Done, Attachment::NoSuchKey].contains(&outcome), "{outcome:?}");
    assert_eq!(two.count(LINKS).await, links);
}

/// What was put into it after it was cleared would stay for ever, and would be in the next plan with this id.
#[tokio::test(flavor = "multi_thread")]
async fn a_plan_that_is_deleted_while_keys_are_put_into_it_is_cleared_whole() {
    let two = Two::replicas().await;
    race(&two, |two, n| async move {
        let id = format!("p{n}");
        insert_plan(&*two.one, plan(&id, &[])).await;
        insert(&*two.one, n).await;
        let deleting = async {
            delete_plan(&mut *two.other.writer(), &id).await;
            two.other.prune(Keep::default()).await.unwrap();
        };
        let mut one = two.one.writer();
        let (outcome, ()) = tokio::join!(attach(&mut *one, &id, n), deleting);
        assert!([Attachment::Done, Attachment::NoSuchPlan].contains(&outcome), "{outcome:?}");
        assert!(two.plans_of(n).await.is_empty());
    })
    .await;

    insert_plan(&*two.one, plan("held", &[])).await;
    insert(&*two.one, 900).await;
    let mut unit = two.one.begin().await.unwrap();
    assert_eq!(attach(&mut *unit, "held", 900).await, Attachment::Done);
    held(&two, unit, |two| async move { delete_plan(&mut *two.other.writer(), "held").await }).await;
    two.one.prune(Keep::default()).await.unwrap();
    assert_eq!(two.count(LINKS).await, 0);
    assert_eq!(two.count("SELECT count(*) FROM usage_plan").await, 0);
}

/// More links than one portion, and three who clear.
#[tokio::test(flavor = "multi_thread")]
async fn several_replicas_clear_a_plan_together() {
    let two = Two::replicas().await;
    two.one
        .sql(
            "INSERT INTO usage_plan (account, id, created, version, document)
             SELECT 1, id, 1, 1, '{\"name\":\"n\"}' FROM unnest('{gone,stays}'::text[]) AS id;
             INSERT INTO api_key (account, created, updated, version, enabled, id, digest, sealed, attached)
             SELECT 1, n, n, 1, true, 'key' || lpad(n::text, 7, '0'), sha256(n::text::bytea), ''::bytea, true
             FROM generate_series(1, 35000) AS n;
             INSERT INTO usage_plan_key (account, created, api_key, plan)
             SELECT 1, created, id, plan FROM api_key, unnest('{gone,stays}'::text[]) AS plan",
        )
        .await;
    delete_plan(&mut *two.one.writer(), "gone").await;
    let taken = NewUsagePlan { plan: plan("gone", &[]), retry: None };
    let again = two.one.writer().insert_usage_plan(account(), &taken, None).await;
    assert!(matches!(again, Err(StorageError::AlreadyExists(Entity::UsagePlan))), "{again:?}");
    let deleting = async {
        for n in (1..200).step_by(7) {
            assert!(two.other.writer().delete_api_key(account(), &id(n)).await.unwrap());
        }
    };
    let (one, other, again, ()) = tokio::join!(
        two.one.prune(Keep::default()),
        two.other.prune(Keep::default()),
        two.one.prune(Keep::default()),
        deleting
    );
    one.and(other).and(again).unwrap();
    // Whoever was last to clear links may have found the others not done yet.
    two.one.prune(Keep::default()).await.unwrap();
    assert_eq!(two.count("SELECT count(*) FROM usage_plan_key WHERE plan = 'gone'").await, 0);
    let kept = two.count("SELECT count(*) FROM usage_plan_key WHERE plan = 'stays'").await;
    assert_eq!(kept, two.count("SELECT count(*) FROM api_key").await);
    two.one.writer().insert_usage_plan(account(), &taken, None).await.unwrap();
}

/// Each locks what the others want, unless all go by one order. A deadlock would be an error of one of them.
#[tokio::test(flavor = "multi_thread")]
async fn links_and_rows_of_the_same_keys_in_opposite_orders_do_not_wait_in_a_circle() {
    const KEYS: u32 = 1_000;
    let two = Two::replicas().await;
    let rows = || (0..KEYS).map(|n| row(n, n)).collect::<Vec<_>>();
    two.one.writer().import_api_keys(account(), rows(), None, MANY).await.unwrap();
    for round in 0..10 {
        let [p, q] = [format!("p{round}"), format!("q{round}")];
        insert_plan(&*two.one, plan(&p, &[])).await;
        insert_plan(&*two.one, plan(&q, &[])).await;
        let forwards: Vec<_> = (0..KEYS).flat_map(|n| [link(&p, n), link(&q, n)]).collect();
        let backwards: Vec<_> = forwards.iter().rev().cloned().collect();
        let importing = async {
            // As long as the two take.
            for _ in 0..4 {
                two.other.writer().import_api_keys(account(), rows(), None, MANY).await.unwrap();
            }
        };
        let (mut one, mut other) = (two.one.writer(), two.other.writer());
        let (one, other, ()) =
            tokio::join!(attach_all(&mut *one, &forwards), attach_all(&mut *other, &backwards), importing);
        for both in one.iter().zip(other.iter().rev()) {
            let expected = [
                (&Attachment::Done, &Attachment::AlreadyThere),
                (&Attachment::AlreadyThere, &Attachment::Done),
            ];
            assert!(expected.contains(&both), "{both:?}");
        }
        assert_eq!(two.plans_of(KEYS - 1).await.len(), 2 * (round + 1));
    }
}

/// Of key `n` a row that puts it into a plan.
fn row_in(plan: &str, n: u32) -> ImportedApiKey {
    ImportedApiKey { plans: vec![plan_id(plan)], ..row(n, n) }
}

#[tokio::test(flavor = "multi_thread")]
async fn imports_beside_a_change_of_stages_never_put_a_key_into_two_plans_that_share_one() {
    const KEYS: u32 = 60;
    let two = Two::replicas().await;
    for round in 0..20 {
        let [p, q] = [format!("p{round}"), format!("q{round}")];
        insert_plan(&*two.one, plan(&p, &["a:x"])).await;
        insert_plan(&*two.one, plan(&q, &[])).await;
        let first = round * KEYS;
        let rows = |plan: &str| (first..first + KEYS).map(|n| row_in(plan, n)).collect::<Vec<_>>();
        // In portions, so that the change falls between some of them.
        let import = async |storage: &PostgresStorage, plan: &str| {
            let mut refused = 0;
            for portion in rows(plan).chunks(10) {
                let outcomes =
                    storage.writer().import_api_keys(account(), portion.to_vec(), None, MANY).await;
                for outcome in outcomes.unwrap() {
                    let RowOutcome::Stored { refused: plans, .. } = outcome else { panic!("{outcome:?}") };
                    assert!(plans.iter().all(|(_, why)| *why == shared("a:x")), "{plans:?}");
                    refused += plans.len();
                }
            }
            refused
        };
        let change = async {
            tokio::time::sleep(Duration::from_millis(u64::from(round))).await;
            give(&mut *two.one.writer(), &q, "a:x").await
        };
        let (into_p, into_q, changed) = tokio::join!(import(&two.one, &p), import(&two.other, &q), change);
        let keys: Vec<_> = (first..first + KEYS).map(id).collect();
        let plans = two.one.reader().find_plans_of_keys(account(), &keys).await.unwrap();
        let in_both = plans.iter().filter(|plans| plans.len() == 2).count();
        let in_one = plans.iter().filter(|plans| plans.len() == 1).count();
        assert_eq!(in_both + in_one, keys.len());
        match changed {
            PlanChanged::Done => assert_eq!((in_both, into_p + into_q), (0, in_one)),
            PlanChanged::StageShared { .. } => assert_eq!((in_both, into_p + into_q), (keys.len(), 0)),
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn batches_that_are_offered_twice_at_once_count_once() {
    let two = Two::replicas().await;
    let day = Day::from_number(20_000).unwrap();
    let counts: Vec<UsageCount> = (0..20)
        .map(|n| UsageCount { account: account(), link: link("p", n % 10), day, requests: 1 })
        .collect();
    let backwards: Vec<UsageCount> = counts.iter().rev().cloned().collect();
    let (counts, backwards) = (Arc::new(counts), Arc::new(backwards));
    race(&two, move |two, n| {
        let (counts, backwards) = (Arc::clone(&counts), Arc::clone(&backwards));
        async move {
            // Lanes are incarnations, rounds their batches.
            let lane = Incarnation([u8::try_from(n / ROUNDS).unwrap(); 16]);
            let number = u64::from(n % ROUNDS) + 1;
            let (one, other) = tokio::join!(
                two.one.usage_meter().count(lane, number, &counts),
                two.other.usage_meter().count(lane, number, &backwards)
            );
            let outcomes = (one.unwrap(), other.unwrap());
            let expected = [(Metered::Now, Metered::Before), (Metered::Before, Metered::Now)];
            assert!(expected.contains(&outcomes), "{outcomes:?}");
        }
    })
    .await;
    let keys: Vec<_> = (0..10).map(id).collect();
    let usage = two.one.reader().find_usage(account(), &plan_id("p"), &keys, (day, day)).await.unwrap();
    for of_key in usage {
        assert_eq!(of_key.iter().map(|one| one.used).collect::<Vec<_>>(), [u64::from(2 * LANES * ROUNDS)]);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_account_never_passes_its_limit_of_plans() {
    const MOST: u64 = 40;
    let two = Two::replicas().await;
    race(&two, |two, n| async move {
        let new = |id: String| NewUsagePlan { plan: plan(&id, &[]), retry: None };
        let (p, q) = (new(format!("p{n}")), new(format!("q{n}")));
        let (mut one, mut other) = (two.one.writer(), two.other.writer());
        let (one, other) = tokio::join!(
            one.insert_usage_plan(account(), &p, Some(MOST)),
            other.insert_usage_plan(account(), &q, Some(MOST))
        );
        for answer in [one, other] {
            let refused = matches!(answer, Err(StorageError::LimitReached(Entity::UsagePlan)));
            assert!(answer.is_ok() || refused, "{answer:?}");
        }
    })
    .await;
    assert_eq!(two.count("SELECT count(*) FROM usage_plan").await, i64::try_from(MOST).unwrap());

    let new = |id: &str| NewUsagePlan { plan: plan(id, &[]), retry: None };
    let mut unit = two.one.begin().await.unwrap();
    unit.insert_usage_plan(account(), &new("first"), Some(MOST + 1)).await.unwrap();
    let second = new("second");
    let second = held(&two, unit, |two| async move {
        two.other.writer().insert_usage_plan(account(), &second, Some(MOST + 1)).await
    });
    let second = second.await;
    assert!(matches!(second, Err(StorageError::LimitReached(Entity::UsagePlan))), "{second:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_key_never_passes_its_limit_of_plans() {
    const PLANS: [&str; 6] = ["a", "b", "c", "d", "e", "f"];
    let two = Two::replicas().await;
    for id in PLANS {
        insert_plan(&*two.one, plan(id, &[])).await;
    }
    race(&two, |two, n| async move {
        insert(&*two.one, n).await;
        let attaching: JoinSet<Attachment> = PLANS
            .into_iter()
            .map(|plan| {
                let two = Arc::clone(&two);
                async move {
                    let of = if plan < "d" { &*two.one } else { &two.other };
                    of.writer().attach_api_keys(account(), &[link(plan, n)], 2).await.unwrap().remove(0)
                }
            })
            .collect();
        let outcomes = attaching.join_all().await;
        let count = |of: &Attachment| outcomes.iter().filter(|outcome| *outcome == of).count();
        assert_eq!((count(&Attachment::Done), count(&Attachment::TooManyPlans)), (2, 4), "{outcomes:?}");
        assert_eq!(two.plans_of(n).await.len(), 2);
    })
    .await;
}

/// The second call of a unit finds what the first one added: it is the same transaction's, and no new key.
#[tokio::test(flavor = "multi_thread")]
async fn a_unit_that_imports_a_key_twice_judges_its_plans_together() {
    let two = Two::replicas().await;
    insert_plan(&*two.one, plan("p", &["a:x"])).await;
    insert_plan(&*two.one, plan("q", &["a:x"])).await;
    let mut unit = two.one.begin().await.unwrap();
    let mut refused = Vec::new();
    for plan in ["p", "p", "q"] {
        let outcomes = unit.import_api_keys(account(), vec![row_in(plan, 1)], None, MANY).await.unwrap();
        let [RowOutcome::Stored { refused: plans, .. }] = &outcomes[..] else { panic!("{outcomes:?}") };
        refused.extend(plans.clone());
    }
    unit.commit().await.unwrap();
    assert_eq!(refused, [(plan_id("q"), shared("a:x"))]);
    assert_eq!(two.plans_of(1).await, ["p"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_corrupt_row_is_named_by_table_id_and_column() {
    let two = Two::replicas().await;
    insert(&*two.one, 1).await;
    insert_plan(&*two.one, plan("whole", &[])).await;
    attach(&mut *two.one.writer(), "whole", 1).await;
    let day = Day::from_number(20_000).unwrap();
    two.one.writer().adjust_usage(account(), &link("whole", 1), day, 5).await.unwrap();

    two.one.sql("UPDATE usage_plan SET document = '{\"name\":\"\"}'").await;
    let found = two.one.reader().find_usage_plan(account(), &plan_id("whole")).await;
    let Err(StorageError::Corrupt(what)) = found else { panic!("{found:?}") };
    assert!(
        what.starts_with("table usage_plan, account 000000000001, id whole, column document: "),
        "{what}"
    );
    two.one.sql("UPDATE usage_plan SET document = '{\"name\":\"n\"}', version = -1").await;
    let found = two.one.reader().find_usage_plan(account(), &plan_id("whole")).await;
    let Err(StorageError::Corrupt(what)) = found else { panic!("{found:?}") };
    assert_eq!(what, "table usage_plan, account 000000000001, id whole, column version");

    two.one.sql("UPDATE usage_plan SET id = 'no id'; UPDATE usage_plan_key SET plan = 'no id'").await;
    let found = two.one.reader().find_plans_of_keys(account(), &[id(1)]).await;
    let Err(StorageError::Corrupt(what)) = found else { panic!("{found:?}") };
    assert_eq!(what, "table usage_plan_key, account 000000000001, api_key key0..., column plan");

    for (column, damage) in
        [("used", "UPDATE usage_day SET used = -1"), ("day", "UPDATE usage_day SET used = 1, day = -5")]
    {
        two.one.sql(damage).await;
        let listed = two.one.reader().list_usage(account(), None, 10).await;
        let Err(StorageError::Corrupt(what)) = listed else { panic!("{listed:?}") };
        let day = if column == "day" { -5 } else { 20_000 };
        let place = format!("plan whole, api_key key0..., day {day}, column {column}");
        assert_eq!(what, format!("table usage_day, account 000000000001, {place}"));
    }
}

macro_rules! sql {
    ($file:literal) => {
        include_str!(concat!("../../../crates/storage-postgres/queries/", $file))
    };
}

/// Statements whose one good plan a planner with old statistics must not be free to leave: for each, its arguments,
/// and the indexes that it is to use.
const PLANNED: [(&str, &str, &str, &[&str]); 7] = [
    (
        sql!("usage_plan_keys/list.sql"),
        "(bigint, bigint, text, bigint, text)",
        "(1, 99, '', 26, 'p')",
        &["usage_plan_key_age", "api_key_id"],
    ),
    (
        sql!("usage_plan_keys/walk_named.sql"),
        "(bigint, bigint, text, bigint, text, bigint, text)",
        "(1, 99, '', 26, 'n', 10000, 'p')",
        &["usage_plan_key_age", "api_key_id"],
    ),
    (
        sql!("usage_plan_keys/find.sql"),
        "(bigint, text, text)",
        "(1, 'k', 'p')",
        &["usage_plan_key_link", "api_key_id"],
    ),
    (sql!("usage_plan_keys/plans_of_keys.sql"), "(bigint, text[])", "(1, '{k}')", &["usage_plan_key_link"]),
    (sql!("usage_plan_keys/links.sql"), "(bigint, text[])", "(1, '{k}')", &["usage_plan_key_link"]),
    (sql!("usage_plan_keys/lock_keys.sql"), "(bigint, text[])", "(1, '{k}')", &["api_key_id"]),
    (
        sql!("usage_plans/list_of_key.sql"),
        "(bigint, bigint, text, bigint, text)",
        "(1, 9, '', 26, 'k')",
        &["usage_plan_key_link"],
    ),
];

#[tokio::test(flavor = "multi_thread")]
async fn links_are_read_from_an_index_whatever_the_planner_believes() {
    let two = Two::replicas().await;
    let mut connection = connection(&two.one.database).await;
    for filled in [false, true] {
        if filled {
            two.one
                .sql(
                    "INSERT INTO api_key (account, created, updated, version, enabled, id, digest, sealed)
                     SELECT 1, n, n, 1, true, 'k' || n, sha256(n::text::bytea), ''::bytea
                     FROM generate_series(1, 20000) AS n;
                     INSERT INTO usage_plan_key (account, created, api_key, plan)
                     SELECT 1, created, id, plan FROM api_key, unnest('{p,q}'::text[]) AS plan;
                     ANALYZE",
                )
                .await;
        }
        for (sql, types, arguments, indexes) in PLANNED {
            let plan = explained(&mut connection, "", sql, types, arguments).await;
            for index in indexes {
                assert!(plan.contains(index), "{filled}: {plan}");
            }
            let others: HashSet<&str> = ["usage_plan_key_age", "usage_plan_key_link"].into();
            for other in others.iter().filter(|other| !indexes.contains(other)) {
                assert!(!plan.contains(other), "{filled}: {plan}");
            }
            assert!(!plan.contains("Seq Scan on usage_plan_key"), "{filled}: {plan}");
        }
        let set = "SET enable_nestloop = off; SET enable_hashjoin = off; SET enable_sort = off;";
        let sql = sql!("usage_plans/shared_key.sql");
        let plan = explained(&mut connection, set, sql, "(bigint, text, text[])", "(1, 'p', '{q}')").await;
        assert!(plan.contains("Merge Join") && !plan.contains("Sort"), "{filled}: {plan}");
        assert_eq!(plan.matches("using usage_plan_key_age").count(), 2, "{filled}: {plan}");
    }
}

/// How a statement would be executed by the connections of the product.
async fn explained(
    connection: &mut sqlx::PgConnection,
    set: &str,
    sql: &str,
    types: &str,
    arguments: &str,
) -> String {
    let script = format!(
        "DEALLOCATE ALL; RESET ALL; SET plan_cache_mode = force_generic_plan; SET enable_bitmapscan = off; {set}
         PREPARE q {types} AS {sql}"
    );
    sqlx::raw_sql(AssertSqlSafe(script)).execute(&mut *connection).await.unwrap();
    let explain = AssertSqlSafe(format!("EXPLAIN EXECUTE q {arguments}"));
    let rows = sqlx::raw_sql(explain).fetch_all(connection).await.unwrap();
    let lines: Vec<String> = rows.iter().map(|row| row.get(0)).collect();
    lines.join("\n")
}
