//! Making credentials.

use crate::{AppError, Application, ErrorKind};
use gatepost_domain::credentials::{Credential, CredentialName, SecretAccessKey};
use gatepost_domain::{AccountId, PageLimit, PageRequest, Version};
use gatepost_policy::{Policy, ReadyMade};
use gatepost_storage::{Entity, StorageError, StoredCredential};

/// Of 2^80 ids a second one in a row that is taken is not chance.
const ID_ATTEMPTS: usize = 2;

/// A credential to be made.
pub struct NewCredential {
    /// The account whose resources its bearer sees.
    pub account: AccountId,
    /// What its owner calls it.
    pub name: Option<CredentialName>,
    /// The text of its policy document.
    pub policy: String,
}

/// What a first start found.
pub enum FirstCredential {
    /// The installation is in use already.
    NotNeeded,
    /// There was none: here is one that may do everything.
    Made(Box<Credential>, SecretAccessKey),
}

impl Application {
    /// Makes a credential. Its secret is given here and never again.
    pub async fn create_credential(
        &self,
        new: NewCredential,
    ) -> Result<(Credential, SecretAccessKey), AppError> {
        if let Err(error) = Policy::parse(&new.policy) {
            return Err(AppError::new(ErrorKind::BadRequest, format!("the policy: {error}")));
        }
        let mut credential = Credential {
            id: self.ids.access_key_id(),
            account: new.account,
            name: new.name,
            enabled: true,
            policy: new.policy.into(),
            created: self.clock.now(),
            last_used: None,
            version: Version::FIRST,
        };
        let secret = self.ids.secret_access_key();
        for _ in 0..ID_ATTEMPTS {
            let sealed = self.custody.seal_secret(&credential, &secret);
            let stored = StoredCredential { credential: credential.clone(), sealed };
            match self.storage.writer().insert_credential(&stored).await {
                Ok(()) => return Ok((credential, secret)),
                Err(StorageError::AlreadyExists(Entity::Credential)) => {
                    credential.id = self.ids.access_key_id();
                }
                Err(error) => return Err(error.into()),
            }
        }
        Err(AppError::internal("fresh access key ids are taken again and again"))
    }

    /// Makes an administrator of this account where there is no credential at all and no key of the account, so that a new
    /// installation has a door. Two processes that do it at once may make one each.
    pub async fn first_credential(&self, account: AccountId) -> Result<FirstCredential, AppError> {
        // Who has deleted the last credential of an installation that is in use has shut its door on purpose.
        let is_new =
            !self.has_credentials().await? && self.storage.reader().count_api_keys(account).await? == 0;
        if !is_new {
            return Ok(FirstCredential::NotNeeded);
        }
        let policy = ReadyMade::Administrator.document().to_owned();
        let name = CredentialName::parse("first").ok();
        let (credential, secret) = self.create_credential(NewCredential { account, name, policy }).await?;
        Ok(FirstCredential::Made(Box::new(credential), secret))
    }

    /// Whether there is any credential.
    pub async fn has_credentials(&self) -> Result<bool, AppError> {
        let page = PageRequest { after: None, limit: PageLimit::or_default(1) };
        let page = self.storage.reader().list_credentials(page).await?;
        Ok(!page.items.is_empty())
    }
}
