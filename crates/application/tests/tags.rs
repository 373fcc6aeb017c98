//! How tags of keys and plans change, over the in-memory storage.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

mod common;

use common::{Place, caller, stranger};
use gatepost_application::{AppError, Caller, ErrorKind};
use gatepost_domain::api_keys::{ApiKey, ApiKeyId};
use gatepost_domain::usage::Day;
use gatepost_domain::usage_plans::{UsagePlan, UsagePlanId};
use gatepost_domain::{ResourceArn, Version};
use std::sync::Arc;

fn arn(path: &str) -> ResourceArn {
    ResourceArn::parse(&format!("arn:aws:apigateway:us-east-1::{path}")).unwrap()
}

fn key_arn(id: &str) -> ResourceArn {
    arn(&format!("/apikeys/{id}"))
}

impl Place {
    async fn stored_key(&self, id: &str) -> ApiKey {
        let id = ApiKeyId::parse(id).unwrap();
        self.app.storage.reader().find_api_key(caller().account, &id).await.unwrap().unwrap().key
    }

    async fn stored_plan(&self, id: &str) -> UsagePlan {
        let id = UsagePlanId::parse(id).unwrap();
        self.app.storage.reader().find_usage_plan(caller().account, &id).await.unwrap().unwrap()
    }

    async fn tag(
        &self,
        caller: Caller,
        resource: &ResourceArn,
        tags: &[(&str, &str)],
    ) -> Result<(), AppError> {
        let tags = tags.iter().map(|(key, value)| ((*key).to_owned(), (*value).to_owned())).collect();
        self.app.tag_resource(caller, resource, tags).await
    }

    async fn tags(&self, resource: &ResourceArn) -> Vec<(String, String)> {
        let tags = self.app.get_tags(caller(), resource).await.unwrap();
        tags.iter().map(|(key, value)| (key.to_owned(), value.to_owned())).collect()
    }
}

fn owned(pairs: &[(&str, &str)]) -> Vec<(String, String)> {
    pairs.iter().map(|(key, value)| ((*key).to_owned(), (*value).to_owned())).collect()
}

#[tokio::test]
async fn tags_move_the_version_of_a_key_but_not_its_date() {
    let place = Place::new();
    let key = place.key().await;
    let before = place.stored_key(&key).await;
    place.clock.set(Day::parse("2026-09-01").unwrap());
    place.tag(caller(), &key_arn(&key), &[("a", "1"), ("b", "1")]).await.unwrap();
    place.tag(caller(), &key_arn(&key), &[("b", "2"), ("c", "2")]).await.unwrap();
    place.app.untag_resource(caller(), &key_arn(&key), &["a", "unknown"]).await.unwrap();
    let after = place.stored_key(&key).await;
    assert_eq!(place.tags(&key_arn(&key)).await, owned(&[("b", "2"), ("c", "2")]));
    assert_eq!((after.version, after.updated), (Version(4), before.updated));
    assert_eq!(ApiKey { tags: before.tags.clone(), version: before.version, ..after }, before);
}

#[tokio::test]
async fn tags_of_a_plan_leave_all_else_of_it() {
    let place = Place::new();
    let plan = place.plan(Some((10, "DAY"))).await;
    let before = place.stored_plan(&plan).await;
    let resource = arn(&format!("/usageplans/{plan}"));
    place.tag(caller(), &resource, &[("a", "1")]).await.unwrap();
    assert_eq!(place.tags(&resource).await, owned(&[("a", "1")]));
    let after = place.stored_plan(&plan).await;
    assert_eq!(after.version, before.version.next());
    assert_eq!(UsagePlan { tags: before.tags.clone(), version: before.version, ..after }, before);
}

#[tokio::test]
async fn where_nothing_differs_nothing_is_written() {
    let place = Place::new();
    let key = place.key().await;
    place.tag(caller(), &key_arn(&key), &[("a", "1")]).await.unwrap();
    let before = place.stored_key(&key).await;
    place.tag(caller(), &key_arn(&key), &[("a", "1")]).await.unwrap();
    place.tag(caller(), &key_arn(&key), &[]).await.unwrap();
    place.app.untag_resource(caller(), &key_arn(&key), &["b", "aws:x", ""]).await.unwrap();
    assert_eq!(place.stored_key(&key).await, before);
}

#[tokio::test]
async fn a_refused_change_leaves_the_tags_as_they_were() {
    let place = Place::new();
    let key = place.key().await;
    let many: Vec<_> = (0..50).map(|n| format!("k{n:02}")).collect();
    let many: Vec<_> = many.iter().map(|key| (key.as_str(), "v")).collect();
    place.tag(caller(), &key_arn(&key), &many).await.unwrap();
    let before = place.stored_key(&key).await;
    for wrong in [[("k00", "w"), ("k50", "v")], [("k00", "w"), ("aws:x", "v")], [("k00", "w"), ("k01", ";")]]
    {
        let Err(error) = place.tag(caller(), &key_arn(&key), &wrong).await else { panic!("{wrong:?}") };
        assert_eq!(error.kind(), ErrorKind::BadRequest, "{wrong:?}");
    }
    assert_eq!(place.stored_key(&key).await, before);
    place.tag(caller(), &key_arn(&key), &[("k00", "w")]).await.unwrap();
}

#[tokio::test]
async fn what_is_not_there_or_anothers_is_told_in_its_own_words() {
    let place = Place::new();
    let (key, plan) = (place.key().await, place.plan(None).await);
    for (caller, resource, message) in [
        (caller(), key_arn("unknown"), "Invalid API Key identifier specified"),
        (caller(), arn("/usageplans/unknown"), "Invalid Usage Plan ID specified"),
        (stranger(), key_arn(&key), "Invalid API Key identifier specified"),
        (stranger(), arn(&format!("/usageplans/{plan}")), "Invalid Usage Plan ID specified"),
    ] {
        let refused = [
            place.app.get_tags(caller, &resource).await.map(drop),
            place.tag(caller, &resource, &[("a", "1")]).await,
            place.app.untag_resource(caller, &resource, &["a"]).await,
        ];
        for outcome in refused {
            let Err(error) = outcome else { panic!("{resource:?}") };
            assert_eq!((error.kind(), error.message()), (ErrorKind::NotFound, message));
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn of_tags_set_at_once_none_is_lost() {
    let place = Arc::new(Place::new());
    let resource = key_arn(&place.key().await);
    let tasks: Vec<_> = (0..40)
        .map(|n| {
            let (place, resource) = (Arc::clone(&place), resource.clone());
            tokio::spawn(async move { place.tag(caller(), &resource, &[(&format!("k{n:02}"), "v")]).await })
        })
        .collect();
    for task in tasks {
        task.await.unwrap().unwrap();
    }
    assert_eq!(place.tags(&resource).await.len(), 40);
}
