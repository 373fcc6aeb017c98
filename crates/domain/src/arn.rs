//! The names by which clients tag resources.

use crate::api_keys::ApiKeyId;
use crate::usage_plans::UsagePlanId;

/// `arn:{partition}:apigateway:{region}::/apikeys/{id}` or `…/usageplans/{id}`: what clients build, for no answer
/// holds one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ResourceArn {
    /// A key's.
    ApiKey(ApiKeyId),
    /// A plan's.
    UsagePlan(UsagePlanId),
}

/// The text is not the ARN of anything that carries tags here. The text is ours.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
#[error("Invalid ARN specified in the request")]
pub struct InvalidArn;

impl ResourceArn {
    /// Reads an ARN. Its region is not looked at, as an installation has none; its account must be empty, as API
    /// Gateway's always are.
    pub fn parse(text: &str) -> Result<Self, InvalidArn> {
        let mut parts = text.splitn(6, ':');
        let mut next = || parts.next().unwrap_or_default();
        let (arn, partition, service, _region, account, path) =
            (next(), next(), next(), next(), next(), next());
        let is_partition = partition == "aws" || partition.starts_with("aws-");
        if arn != "arn" || !is_partition || service != "apigateway" || !account.is_empty() {
            return Err(InvalidArn);
        }
        let found = if let Some(id) = path.strip_prefix("/apikeys/") {
            ApiKeyId::parse(id).map(Self::ApiKey)
        } else {
            path.strip_prefix("/usageplans/").and_then(UsagePlanId::parse).map(Self::UsagePlan)
        };
        found.ok_or(InvalidArn)
    }

    /// The path of the resource, by which every other request and policy names it: `/apikeys/{id}` or
    /// `/usageplans/{id}`.
    #[must_use]
    pub fn path(&self) -> String {
        match self {
            Self::ApiKey(id) => format!("/apikeys/{id}"),
            Self::UsagePlan(id) => format!("/usageplans/{id}"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_and_plans_have_arns_of_their_region_and_no_account() {
        for partition in ["aws", "aws-cn", "aws-us-gov"] {
            let key =
                ResourceArn::parse(&format!("arn:{partition}:apigateway:eu-west-1::/apikeys/gt748qoyk2"));
            assert_eq!(key, Ok(ResourceArn::ApiKey(ApiKeyId::parse("gt748qoyk2").unwrap())));
        }
        let plan = ResourceArn::parse("arn:aws:apigateway:us-east-1::/usageplans/u1");
        assert_eq!(plan, Ok(ResourceArn::UsagePlan(UsagePlanId::parse("u1").unwrap())));
    }

    #[test]
    fn a_resource_has_one_path_whatever_region_its_arn_names() {
        let path = |arn: &str| ResourceArn::parse(arn).unwrap().path();
        for start in ["arn:aws:apigateway:us-east-1::", "arn:aws-cn:apigateway:x y/z::"] {
            assert_eq!(path(&format!("{start}/apikeys/gt748qoyk2")), "/apikeys/gt748qoyk2");
            assert_eq!(path(&format!("{start}/usageplans/u1")), "/usageplans/u1");
        }
    }

    #[test]
    fn other_arns_are_refused() {
        for wrong in [
            "",
            "arn",
            "arn:aws:apigateway:us-east-1::/apikeys/",
            "arn:aws:apigateway:us-east-1::/apikeys/a/b",
            "arn:aws:apigateway:us-east-1::/restapis/a",
            "arn:aws:apigateway:us-east-1:000000000000:/apikeys/a",
            "arn:aws:s3:us-east-1::/apikeys/a",
            "arn:gcp:apigateway:us-east-1::/apikeys/a",
            "ARN:aws:apigateway:us-east-1::/apikeys/a",
            "/apikeys/a",
        ] {
            assert_eq!(ResourceArn::parse(wrong), Err(InvalidArn), "{wrong}");
        }
    }
}
