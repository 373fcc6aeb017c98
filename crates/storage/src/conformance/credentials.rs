//! Credentials: look-up, listing, insert, update, delete, what their use leaves, and what of all that is told.

use super::samples::*;
use crate::{Change, CredentialReader, Entity, Storage, StorageError, StoredCredential};
use futures_util::future;
use gatepost_domain::credentials::{AccessKeyId, Credential, CredentialName};
use gatepost_domain::{PageLimit, PageRequest, Timestamp, Version};

/// The longest policy that IAM takes of a managed one.
const POLICY_CHARACTERS: usize = 6_144;

fn access_key_id(text: &str) -> AccessKeyId {
    AccessKeyId::parse(text).expect("the cases use proper ids")
}

/// The id of sample number `n`: those of higher numbers sort higher.
fn nth(n: u32) -> AccessKeyId {
    access_key_id(&format!("AKIA{n:016}"))
}

fn called(text: &str) -> Option<CredentialName> {
    Some(CredentialName::parse(text).expect("the cases use proper names"))
}

/// Credential number `n`, made `n` microseconds after the start and never used.
fn credential(n: u32) -> StoredCredential {
    let credential = Credential {
        id: nth(n),
        account: account(),
        name: None,
        enabled: true,
        policy: "{}".into(),
        created: at(i64::from(n)),
        last_used: None,
        version: Version::FIRST,
    };
    StoredCredential { credential, sealed: sealed(n) }
}

/// The next version of a credential, with everything changed that an update can change.
fn changed(n: u32) -> Credential {
    Credential {
        name: called("Ключ 'drop\\ %_ ß"),
        enabled: false,
        policy: "{\"Statement\": [\n\t{\"Effect\": \"Deny\", \"Resource\": \"ä\\\\'%_\u{1f511}\"}\n]}".into(),
        version: Version(2),
        ..credential(n).credential
    }
}

async fn add(storage: &dyn Storage, credentials: impl IntoIterator<Item = StoredCredential> + Send) {
    let mut unit = begin(storage).await;
    for new in credentials.into_iter().collect::<Vec<_>>() {
        unit.insert_credential(&new).await.expect("a new credential is inserted");
    }
    commit(unit).await;
}

async fn look_up(storage: &dyn Storage, n: u32) -> Option<StoredCredential> {
    storage.reader().find_credential(&nth(n)).await.expect("a look-up answers")
}

/// All ids of a listing, page by page.
async fn listed_ids<R: CredentialReader + ?Sized>(reader: &R, limit: i64) -> Vec<AccessKeyId> {
    let (mut ids, mut after) = (Vec::new(), None);
    loop {
        let request = PageRequest { after, limit: PageLimit::or_default(limit) };
        let page = reader.list_credentials(request).await.expect("a listing answers");
        assert!(page.items.len() <= PageLimit::or_default(limit).get());
        ids.extend(page.items.into_iter().map(|stored| stored.credential.id));
        after = page.next;
        if after.is_none() {
            return ids;
        }
    }
}

fn told(n: u32, version: u64) -> Change {
    Change::Credential { id: nth(n), version: Version(version) }
}

/// Told changes may come in any order, and twice.
fn sorted(changes: Vec<Change>) -> Vec<(AccessKeyId, u64)> {
    let one = |change| match change {
        Change::Credential { id, version } => (id, version.0),
        other => panic!("not a credential: {other:?}"),
    };
    let mut versions: Vec<(AccessKeyId, u64)> = changes.into_iter().map(one).collect();
    versions.sort();
    versions.dedup();
    versions
}

fn is_taken(answer: &Result<(), StorageError>) -> bool {
    matches!(answer, Err(StorageError::AlreadyExists(Entity::Credential)))
}

fn is_stale(answer: &Result<(), StorageError>) -> bool {
    matches!(answer, Err(StorageError::Stale(Entity::Credential)))
}

/// Whoever signs names no account: the credential does.
pub async fn a_credential_is_found_whatever_its_account(storage: &dyn Storage) {
    let mut full = StoredCredential { credential: changed(1), sealed: sealed(7) };
    full.credential.account = other_account();
    full.credential.last_used = Some(at(9));
    full.credential.version = Version(3);
    add(storage, [full.clone(), credential(2)]).await;
    assert_eq!(look_up(storage, 1).await, Some(full));
    assert_eq!(look_up(storage, 2).await, Some(credential(2)));
}

/// A signature of an unknown credential is refused, and ids are told apart to the letter.
pub async fn a_credential_that_was_never_inserted_is_none(storage: &dyn Storage) {
    assert_eq!(look_up(storage, 1).await, None);
    add(storage, [credential(1)]).await;
    for other in ["akia0000000000000001", "AKIA00000000000000010", "AKIA000000000000000"] {
        let found = storage.reader().find_credential(&access_key_id(other)).await.expect("answers");
        assert_eq!(found, None, "{other}");
    }
}

/// What is cut short would allow more or less than its owner wrote.
pub async fn long_names_and_policies_are_kept_whole(storage: &dyn Storage) {
    let longest_id = access_key_id(&"Z_9".repeat(43)[..128]);
    for (n, policy) in (1..).zip([
        "a".repeat(POLICY_CHARACTERS),
        "\u{1f511}\"\\\n".repeat(POLICY_CHARACTERS / 4),
        "ä".repeat(40 * POLICY_CHARACTERS),
    ]) {
        let mut long = credential(n);
        long.credential.policy = policy.into();
        long.credential.name = called(&"\u{1f511}".repeat(128));
        if n == 1 {
            long.credential.id = longest_id.clone();
        }
        storage.writer().insert_credential(&long).await.expect("inserts");
        let found = storage.reader().find_credential(&long.credential.id).await.expect("answers");
        assert!(found.as_ref() == Some(&long), "number {n}");
        long.credential.policy = format!("{} ", long.credential.policy).into();
        long.credential.version = Version(2);
        storage.writer().update_credential(&long.credential, Version::FIRST).await.expect("updates");
        let found = storage.reader().find_credential(&long.credential.id).await.expect("answers");
        assert!(found.as_ref() == Some(&long), "number {n}, updated");
    }
}

/// What a policy means is decided elsewhere; a byte that moved would make it another text.
pub async fn a_policy_is_any_text(storage: &dyn Storage) {
    for (n, policy) in
        (1..).zip(["", " ", "{}", "null", "[1,2 ]", "no JSON'); --", "\r\n\t", "{\"a\":1,\"a\":2}"])
    {
        let mut new = credential(n);
        new.credential.policy = policy.into();
        add(storage, [new.clone()]).await;
        assert_eq!(look_up(storage, n).await, Some(new));
    }
}

/// Two credentials of one id could not be told apart, in whatever accounts; an insert is never an upsert.
pub async fn a_taken_credential_id_is_refused(storage: &dyn Storage) {
    add(storage, [credential(1)]).await;
    let mut same_id = StoredCredential { credential: changed(1), sealed: sealed(9) };
    for of in [account(), other_account()] {
        same_id.credential.account = of;
        let refused = storage.writer().insert_credential(&same_id).await;
        assert!(is_taken(&refused), "{refused:?}");
        let mut unit = begin(storage).await;
        let refused = unit.insert_credential(&same_id).await;
        assert!(is_taken(&refused), "{refused:?}");
        commit(unit).await;
    }
    assert_eq!(look_up(storage, 1).await, Some(credential(1)));
    assert_eq!(listed_ids(storage.reader(), 25).await, [nth(1)]);
}

/// The check for an id and its insert are one step.
pub async fn of_two_inserts_of_one_id_one_wins(storage: &dyn Storage) {
    let single = |n: u32| async move {
        storage.writer().insert_credential(&StoredCredential { sealed: sealed(n), ..credential(1) }).await
    };
    let unit = |n: u32| async move {
        let mut unit = begin(storage).await;
        unit.insert_credential(&StoredCredential { sealed: sealed(n), ..credential(1) }).await?;
        unit.commit().await
    };
    let (mut outcomes, units) =
        future::join(future::join_all((0..4).map(single)), future::join_all((4..8).map(unit))).await;
    outcomes.extend(units);
    let winners: Vec<u32> =
        (0..).zip(&outcomes).filter(|(_, outcome)| outcome.is_ok()).map(|(n, _)| n).collect();
    assert_eq!(winners.len(), 1, "{outcomes:?}");
    assert!(outcomes.iter().all(|outcome| outcome.is_ok() || is_taken(outcome)), "{outcomes:?}");
    assert_eq!(look_up(storage, 1).await.expect("is there").sealed, sealed(winners[0]));
}

/// A property that an update cannot reach could never be changed; one that it forgets would not be taken back.
pub async fn an_update_replaces_name_state_and_policy(storage: &dyn Storage) {
    add(storage, [credential(1), credential(2)]).await;
    let mut expected = credential(1);
    expected.credential = changed(1);
    storage.writer().update_credential(&expected.credential, Version::FIRST).await.expect("updates");
    assert_eq!(look_up(storage, 1).await, Some(expected.clone()));
    expected.credential = Credential { version: Version(3), ..credential(1).credential };
    let mut unit = begin(storage).await;
    unit.update_credential(&expected.credential, Version(2)).await.expect("updates");
    commit(unit).await;
    assert_eq!(look_up(storage, 1).await, Some(expected));
    assert_eq!(look_up(storage, 2).await, Some(credential(2)));
}

/// A credential never moves to another account, its secret is bound to it, and whoever edits it has an old idea of when
/// it was used.
pub async fn an_update_keeps_account_creation_use_and_secret(storage: &dyn Storage) {
    let mut used = credential(1);
    used.credential.last_used = Some(at(50));
    add(storage, [used.clone(), credential(2)]).await;
    for (n, stored) in [(1, used), (2, credential(2))] {
        let update = Credential {
            account: other_account(),
            created: at(1_000),
            last_used: Some(at(2_000)),
            ..changed(n)
        };
        storage.writer().update_credential(&update, Version::FIRST).await.expect("updates");
        let update = Credential { last_used: None, version: Version(3), ..update };
        let mut unit = begin(storage).await;
        unit.update_credential(&update, Version(2)).await.expect("updates");
        commit(unit).await;
        let expected = Credential {
            account: account(),
            created: at(i64::from(n)),
            last_used: stored.credential.last_used,
            ..update
        };
        let expected = StoredCredential { credential: expected, sealed: stored.sealed };
        assert_eq!(look_up(storage, n).await, Some(expected));
    }
}

/// Otherwise the later of two writers undoes what the earlier one did, and neither learns of it.
pub async fn a_stale_update_leaves_everything(storage: &dyn Storage) {
    add(storage, [credential(1)]).await;
    for wrong in [Version(0), Version(2), Version(u32::MAX.into())] {
        let refused = storage.writer().update_credential(&changed(1), wrong).await;
        assert!(is_stale(&refused), "{refused:?}");
        let mut unit = begin(storage).await;
        let refused = unit.update_credential(&changed(1), wrong).await;
        assert!(is_stale(&refused), "{refused:?}");
        commit(unit).await;
    }
    assert_eq!(look_up(storage, 1).await, Some(credential(1)));
}

/// It has been deleted by somebody else: that too is a change to read again for.
pub async fn an_update_of_a_missing_credential_is_stale(storage: &dyn Storage) {
    let refused = storage.writer().update_credential(&changed(1), Version::FIRST).await;
    assert!(is_stale(&refused), "{refused:?}");
    assert_eq!(look_up(storage, 1).await, None);
}

/// The check of the version and the write are one step, however close the writers come.
pub async fn of_two_updates_of_one_version_one_wins(storage: &dyn Storage) {
    add(storage, [credential(1)]).await;
    let write = |text: &'static str| async move {
        let update = Credential { name: called(text), ..changed(1) };
        (text, storage.writer().update_credential(&update, Version::FIRST).await)
    };
    let outcomes = future::join_all(["a", "b", "c", "d"].map(write)).await;
    let winners: Vec<&str> =
        outcomes.iter().filter(|(_, outcome)| outcome.is_ok()).map(|(text, _)| *text).collect();
    assert_eq!(winners.len(), 1, "{outcomes:?}");
    assert!(outcomes.iter().all(|(_, outcome)| outcome.is_ok() || is_stale(outcome)), "{outcomes:?}");
    assert_eq!(look_up(storage, 1).await.expect("is there").credential.name, called(winners[0]));
}

/// A revoked credential must not answer anywhere, and its owner is told whether there was one.
pub async fn a_deleted_credential_is_gone(storage: &dyn Storage) {
    assert!(!storage.writer().delete_credential(&nth(1)).await.expect("answers"));
    add(storage, [credential(1), credential(2)]).await;
    assert!(storage.writer().delete_credential(&nth(1)).await.expect("deletes"));
    assert_eq!(look_up(storage, 1).await, None);
    assert_eq!(listed_ids(storage.reader(), 25).await, [nth(2)]);
    assert!(!storage.writer().delete_credential(&nth(1)).await.expect("answers"));
    let mut unit = begin(storage).await;
    assert!(!unit.delete_credential(&nth(1)).await.expect("answers"));
    assert!(unit.delete_credential(&nth(2)).await.expect("deletes"));
    assert!(!unit.delete_credential(&nth(2)).await.expect("answers"));
    commit(unit).await;
    assert_eq!(listed_ids(storage.reader(), 25).await, []);
}

/// A deleted id is not burnt, and nothing of what it was comes back.
pub async fn a_deleted_credential_can_be_made_again(storage: &dyn Storage) {
    let mut first = StoredCredential { credential: changed(1), sealed: sealed(8) };
    first.credential.last_used = Some(at(9));
    add(storage, [first]).await;
    assert!(storage.writer().delete_credential(&nth(1)).await.expect("deletes"));
    add(storage, [credential(1)]).await;
    assert_eq!(look_up(storage, 1).await, Some(credential(1)));
    let mut again = credential(1);
    again.credential.account = other_account();
    let mut unit = begin(storage).await;
    for _ in 0..2 {
        assert!(unit.delete_credential(&nth(1)).await.expect("deletes"));
        unit.insert_credential(&again).await.expect("the id is free");
    }
    commit(unit).await;
    assert_eq!(look_up(storage, 1).await, Some(again));
}

/// By bytes, so that a page means the same on every backend, and every credential is listed once.
pub async fn credentials_are_listed_by_id(storage: &dyn Storage) {
    assert_eq!(listed_ids(storage.reader(), 25).await, []);
    let sorted = [
        "0000000000000000",
        "AKIA000000000000",
        "AKIA0000000000000",
        "AKIA_00000000000",
        "AKIAa00000000000",
        "ZKIA000000000000",
        "_KIA000000000000",
        "aKIA000000000000",
    ]
    .map(access_key_id);
    for (n, id) in (0..).zip([5, 0, 7, 3, 1, 6, 4, 2].map(|n: usize| &sorted[n])) {
        let mut new = credential(n);
        new.credential.id = id.clone();
        new.credential.account = if n % 2 == 0 { account() } else { other_account() };
        add(storage, [new]).await;
    }
    let snapshot = storage.snapshot().await.expect("a snapshot");
    for limit in [1, 2, 3, 7, 8, 9, 500] {
        assert_eq!(listed_ids(storage.reader(), limit).await, sorted, "{limit}");
        assert_eq!(listed_ids(&*snapshot, limit).await, sorted, "{limit}");
    }
}

/// A consumer asks for the next page only where there is one.
pub async fn a_page_of_credentials_says_where_it_ended(storage: &dyn Storage) {
    add(storage, (0..4).map(credential)).await;
    let page = |after: Option<AccessKeyId>, limit| async move {
        let request = PageRequest { after, limit: PageLimit::or_default(limit) };
        let page = storage.reader().list_credentials(request).await.expect("a listing answers");
        (page.items, page.next)
    };
    assert_eq!(page(None, 3).await, ((0..3).map(credential).collect(), Some(nth(2))));
    assert_eq!(page(Some(nth(2)), 3).await, (vec![credential(3)], None));
    assert_eq!(page(None, 4).await, ((0..4).map(credential).collect(), None));
    assert_eq!(page(Some(nth(3)), 4).await, (vec![], None));
    // A position need not be that of a credential.
    assert!(storage.writer().delete_credential(&nth(1)).await.expect("deletes"));
    assert_eq!(page(Some(nth(1)), 1).await, (vec![credential(2)], Some(nth(2))));
    assert_eq!(
        page(Some(access_key_id("AKIA0000000000000000_")), 1).await,
        (vec![credential(2)], Some(nth(2)))
    );
}

/// Replicas note what they saw at their own pace; the latest moment is the answer, whoever comes last.
pub async fn use_is_noted_forward_only(storage: &dyn Storage) {
    add(storage, [credential(1), credential(2)]).await;
    for (noted, expected) in [(-5, -5), (10, 10), (10, 10), (7, 10), (-9, 10), (11, 11), (1 << 40, 1 << 40)] {
        storage.writer().note_use(&[(nth(1), at(noted))]).await.expect("notes");
        let mut used = credential(1);
        used.credential.last_used = Some(at(expected));
        assert_eq!(look_up(storage, 1).await, Some(used));
        assert_eq!(look_up(storage, 2).await, Some(credential(2)));
    }
    let before_1970 = Timestamp::from_micros(-1);
    let list = [(nth(2), before_1970), (nth(2), at(3)), (nth(1), at(0)), (nth(2), at(1))];
    storage.writer().note_use(&list).await.expect("notes");
    assert_eq!(look_up(storage, 2).await.expect("is there").credential.last_used, Some(at(3)));
    assert_eq!(look_up(storage, 1).await.expect("is there").credential.last_used, Some(at(1 << 40)));
}

/// A credential may be deleted between its use and the note of it, and what is noted with it must not be lost.
pub async fn the_use_of_missing_credentials_is_passed_over(storage: &dyn Storage) {
    storage.writer().note_use(&[]).await.expect("there is nothing to note");
    storage.writer().note_use(&[(nth(1), at(1))]).await.expect("it is passed over");
    assert_eq!(look_up(storage, 1).await, None);
    add(storage, (1..=700).map(credential)).await;
    let mut unit = begin(storage).await;
    for n in (2..=700).step_by(2) {
        assert!(unit.delete_credential(&nth(n)).await.expect("deletes"));
    }
    commit(unit).await;
    let seen: Vec<_> = (0..2_000).rev().map(|n| (nth(n), at(i64::from(n)))).collect();
    storage.writer().note_use(&seen).await.expect("notes");
    assert_eq!(listed_ids(storage.reader(), 500).await, (1..=700).step_by(2).map(nth).collect::<Vec<_>>());
    for n in [1, 351, 699] {
        let last_used = look_up(storage, n).await.expect("is there").credential.last_used;
        assert_eq!(last_used, Some(at(i64::from(n))));
    }
}

/// Whoever edits a credential that is in use would otherwise never get through.
pub async fn noting_use_is_no_new_version(storage: &dyn Storage) {
    add(storage, [credential(1)]).await;
    storage.writer().note_use(&[(nth(1), at(5))]).await.expect("notes");
    assert_eq!(look_up(storage, 1).await.expect("is there").credential.version, Version::FIRST);
    storage
        .writer()
        .update_credential(&changed(1), Version::FIRST)
        .await
        .expect("it is still the first version");
    let noting = async {
        for n in 10..50 {
            storage.writer().note_use(&[(nth(1), at(n))]).await.expect("notes");
        }
    };
    let editing = async {
        for n in 2..20 {
            let next = Credential { version: Version(n + 1), ..changed(1) };
            storage.writer().update_credential(&next, Version(n)).await.expect("only the use has changed");
        }
    };
    future::join(noting, editing).await;
    let found = look_up(storage, 1).await.expect("is there").credential;
    assert_eq!((found.last_used, found.version), (Some(at(49)), Version(20)));
}

/// It happens all the time, and no decision depends on it.
pub async fn noting_use_is_not_told(storage: &dyn Storage) {
    add(storage, [credential(1)]).await;
    let mut feed = feed(storage).await;
    storage.writer().note_use(&[(nth(1), at(5)), (nth(2), at(5))]).await.expect("notes");
    let mut unit = begin(storage).await;
    unit.note_use(&[(nth(1), at(6))]).await.expect("notes");
    commit(unit).await;
    assert_eq!(all_news(&mut *feed).await, []);
    assert_eq!(look_up(storage, 1).await.expect("is there").credential.last_used, Some(at(6)));
}

/// A replica that is not told honours a revoked credential.
pub async fn writes_of_credentials_are_told(storage: &dyn Storage) {
    let mut feed = feed(storage).await;
    let mut new = credential(1);
    new.credential.account = other_account();
    storage.writer().insert_credential(&new).await.expect("inserts");
    assert_eq!(news(&mut *feed, LONG).await, [told(1, 1)]);
    storage.writer().update_credential(&changed(1), Version::FIRST).await.expect("updates");
    assert_eq!(news(&mut *feed, LONG).await, [told(1, 2)]);
    assert!(storage.writer().delete_credential(&nth(1)).await.expect("deletes"));
    assert_eq!(news(&mut *feed, LONG).await, [told(1, 3)]);

    add(storage, [credential(2), credential(3)]).await;
    assert_eq!(sorted(all_news(&mut *feed).await), [(nth(2), 1), (nth(3), 1)]);
    let mut unit = begin(storage).await;
    let mut later = credential(4);
    later.credential.version = Version(6);
    unit.insert_credential(&later).await.expect("inserts");
    unit.update_credential(&Credential { version: Version(9), ..changed(2) }, Version::FIRST)
        .await
        .expect("updates");
    assert!(unit.delete_credential(&nth(3)).await.expect("deletes"));
    assert_eq!(news(&mut *feed, SHORT).await, [], "before the commit");
    commit(unit).await;
    assert_eq!(sorted(all_news(&mut *feed).await), [(nth(2), 9), (nth(3), 2), (nth(4), 6)]);
}

/// They changed nothing.
pub async fn refused_writes_of_credentials_are_not_told(storage: &dyn Storage) {
    add(storage, [credential(1)]).await;
    let mut feed = feed(storage).await;
    let mut writer = storage.writer();
    writer.insert_credential(&credential(1)).await.expect_err("the id is taken");
    writer.update_credential(&changed(1), Version(9)).await.expect_err("it is stale");
    writer.update_credential(&changed(2), Version::FIRST).await.expect_err("it is not there");
    assert!(!writer.delete_credential(&nth(2)).await.expect("answers"));
    drop(writer);
    let mut unit = begin(storage).await;
    unit.insert_credential(&credential(1)).await.expect_err("the id is taken");
    unit.update_credential(&changed(1), Version(9)).await.expect_err("it is stale");
    assert!(!unit.delete_credential(&nth(2)).await.expect("answers"));
    commit(unit).await;
    assert_eq!(all_news(&mut *feed).await, []);
}

/// A request that fails half way must not have happened, nor be heard of.
pub async fn a_dropped_unit_leaves_no_trace_in_credentials(storage: &dyn Storage) {
    add(storage, [credential(1), credential(2), credential(3)]).await;
    let mut feed = feed(storage).await;
    let mut unit = begin(storage).await;
    unit.insert_credential(&credential(4)).await.expect("inserts");
    unit.update_credential(&changed(1), Version::FIRST).await.expect("updates");
    assert!(unit.delete_credential(&nth(2)).await.expect("deletes"));
    unit.note_use(&[(nth(3), at(1))]).await.expect("notes");
    drop(unit);
    assert_eq!(all_news(&mut *feed).await, []);
    // Nor does it come back with the next writer.
    add(storage, [credential(5)]).await;
    assert_eq!(sorted(all_news(&mut *feed).await), [(nth(5), 1)]);
    assert_eq!(listed_ids(storage.reader(), 25).await, [1, 2, 3, 5].map(nth));
    for n in 1..=3 {
        assert_eq!(look_up(storage, n).await, Some(credential(n)));
    }
}

/// An operation that writes twice decides the second by what the first did; nobody else acts on what can be undone.
pub async fn a_unit_sees_its_own_credentials_and_nobody_else_does(storage: &dyn Storage) {
    add(storage, (1..=4).map(credential)).await;
    let mut unit = begin(storage).await;
    unit.insert_credential(&credential(5)).await.expect("inserts");
    unit.insert_credential(&credential(0)).await.expect("inserts");
    unit.update_credential(&changed(1), Version::FIRST).await.expect("updates");
    assert!(unit.delete_credential(&nth(2)).await.expect("deletes"));
    unit.note_use(&[(nth(3), at(8)), (nth(2), at(8)), (nth(5), at(9))]).await.expect("notes");

    let mut own = [0, 1, 3, 4, 5].map(credential);
    own[1].credential = changed(1);
    own[2].credential.last_used = Some(at(8));
    own[4].credential.last_used = Some(at(9));
    for (n, expected) in
        [(0, Some(&own[0])), (1, Some(&own[1])), (2, None), (3, Some(&own[2])), (5, Some(&own[4]))]
    {
        assert_eq!(unit.find_credential(&nth(n)).await.expect("finds").as_ref(), expected);
    }
    for limit in [1, 2, 4, 5, 500] {
        assert_eq!(listed_ids(&*unit, limit).await, [0, 1, 3, 4, 5].map(nth), "{limit}");
    }
    let refused = unit.insert_credential(&credential(5)).await;
    assert!(is_taken(&refused), "{refused:?}");
    let refused = unit.update_credential(&changed(2), Version::FIRST).await;
    assert!(is_stale(&refused), "{refused:?}");

    assert_eq!(listed_ids(storage.reader(), 25).await, [1, 2, 3, 4].map(nth));
    for n in 1..=4 {
        assert_eq!(look_up(storage, n).await, Some(credential(n)));
    }
    unit.update_credential(&Credential { version: Version(3), ..changed(1) }, Version(2))
        .await
        .expect("its own version is the one to state");
    own[1].credential.version = Version(3);
    commit(unit).await;
    let request = PageRequest { after: None, limit: PageLimit::or_default(25) };
    assert_eq!(storage.reader().list_credentials(request).await.expect("answers").items, own);
}

/// A replica that loads needs keys and credentials of one moment.
pub async fn a_snapshot_is_one_view_of_credentials(storage: &dyn Storage) {
    add(storage, [credential(1), credential(2)]).await;
    let snapshot = storage.snapshot().await.expect("a snapshot");
    assert_eq!(listed_ids(&*snapshot, 25).await, [nth(1), nth(2)]);
    let changing = async {
        storage.writer().insert_credential(&credential(3)).await.expect("inserts");
        storage.writer().update_credential(&changed(1), Version::FIRST).await.expect("updates");
        assert!(storage.writer().delete_credential(&nth(2)).await.expect("deletes"));
        storage.writer().note_use(&[(nth(1), at(5))]).await.expect("notes");
    };
    let reading = async {
        // Whether the writes wait for the snapshot or pass by it: it does not see them.
        for _ in 0..5 {
            assert_eq!(listed_ids(&*snapshot, 1).await, [nth(1), nth(2)]);
            for (n, expected) in [(1, Some(credential(1))), (2, Some(credential(2))), (3, None)] {
                assert_eq!(snapshot.find_credential(&nth(n)).await.expect("finds"), expected);
            }
        }
        let cursor = snapshot.cursor();
        drop(snapshot);
        cursor
    };
    let (cursor, ()) = future::join(reading, changing).await;
    assert_eq!(listed_ids(storage.reader(), 25).await, [nth(1), nth(3)]);
    let mut feed = storage.changes(cursor).await.expect("a feed");
    assert_eq!(sorted(all_news(&mut *feed).await), [(nth(1), 2), (nth(2), 2), (nth(3), 1)]);
}

/// A unit of work has one outcome, whatever it writes.
pub async fn keys_and_credentials_are_committed_together(storage: &dyn Storage) {
    for commits in [false, true] {
        let mut feed = feed(storage).await;
        let mut unit = begin(storage).await;
        unit.insert_api_key(account(), key(1), None).await.expect("inserts");
        unit.insert_credential(&credential(1)).await.expect("inserts");
        if commits {
            commit(unit).await;
        } else {
            drop(unit);
        }
        assert_eq!(
            (find(storage, 1).await.is_some(), look_up(storage, 1).await.is_some()),
            (commits, commits)
        );
        let news = all_news(&mut *feed).await;
        assert_eq!(news.contains(&told(1, 1)), commits);
        assert_eq!(news.len(), if commits { 2 } else { 0 });
    }
}

/// A backend may commit the writes of many callers together; none may answer for another.
pub async fn single_writes_of_credentials_each_have_their_own_outcome(storage: &dyn Storage) {
    add(storage, (0..40).map(credential)).await;
    let mut feed = feed(storage).await;
    let writes = (0..240).map(|n| async move {
        let mut writer = storage.writer();
        // Credentials of even numbers stay, the others go.
        let (of, even) = (n / 6, n / 12 * 2);
        match n % 6 {
            0 => is_taken(&writer.insert_credential(&credential(even)).await),
            1 => writer.insert_credential(&credential(100 + of)).await.is_ok(),
            2 if of == even => writer.update_credential(&changed(of), Version::FIRST).await.is_ok(),
            2 => writer.delete_credential(&nth(of)).await.is_ok_and(|deleted| deleted),
            3 => writer.note_use(&[(nth(of), at(7)), (nth(even), at(8))]).await.is_ok(),
            4 => is_stale(&writer.update_credential(&changed(of), Version(9)).await),
            _ => writer.insert_api_key(account(), key(of), None).await.is_ok(),
        }
    });
    let outcomes = future::join_all(writes).await;
    let wrong: Vec<usize> = (0..240).filter(|n| !outcomes[*n]).collect();
    assert_eq!(wrong, [0_usize; 0]);
    for of in (0..40).step_by(2) {
        let found = look_up(storage, of).await.expect("is there").credential;
        assert_eq!((found.version, found.last_used), (Version(2), Some(at(8))));
        assert_eq!(look_up(storage, of + 1).await, None);
        assert_eq!(look_up(storage, 100 + of).await, Some(credential(100 + of)));
    }
    let mut news = all_news(&mut *feed).await;
    news.retain(|change| matches!(change, Change::Credential { .. }));
    let expected: Vec<_> = (0..40).map(|of| (nth(of), 2)).chain((100..140).map(|of| (nth(of), 1))).collect();
    assert_eq!(sorted(news), expected);
}
