//! What the rules say of a resource, by the template that it fits.

use std::collections::BTreeMap;
use std::rc::Rc;

use trailtrim_catalog::{Catalog, Part, Shape};

use super::rules::{OneRun, Rules, Value};

/// What the rules say of all resources of one template.
#[derive(Debug)]
pub(super) struct Kind {
    /// How many of the parts stand before the resource's own name: partition, region, account.
    ambient: usize,
    /// How many of the variables name the thing itself; the rest are parts of it.
    names: usize,
    /// The service of the ARN.
    pub(super) service: String,
    /// How its names are of one run.
    one_run: Option<OneRun>,
    /// Whether the last variable is a key in a container.
    pub(super) keyed: bool,
    /// Whether its name always stays.
    pub(super) named: bool,
}

/// The kinds of the templates met so far.
#[derive(Debug)]
pub(super) struct Kinds {
    rules: &'static Rules,
    catalog: Catalog,
    known: BTreeMap<&'static str, Rc<Kind>>,
    /// Types and templates of services whose things the actions of others are about.
    foreign: BTreeMap<String, Vec<(&'static str, &'static str)>>,
}

impl Kinds {
    pub(super) fn new(rules: &'static Rules, catalog: Catalog) -> Kinds {
        Kinds { rules, catalog, known: BTreeMap::new(), foreign: BTreeMap::new() }
    }

    /// Takes an ARN apart by what the service that it names has, where the action's types do not tell: a
    /// recovery point of AWS Backup is some other service's snapshot.
    pub(super) fn foreign<'a>(&mut self, arn: &'a str) -> Option<Shape<'a>> {
        let service = arn.strip_prefix("arn:")?.split(':').nth(1)?;
        if !self.foreign.contains_key(service) {
            let mut templates = self.rules.templates(service);
            templates.extend(self.catalog.service(service).iter().flat_map(|one| one.templates()));
            self.foreign.insert(service.to_owned(), templates);
        }
        let mut templates = self.foreign.get(service)?.iter();
        templates.find_map(|(kind, template)| Shape::fitted(kind, template, arn))
    }

    /// Takes an ARN apart that names a version of a thing by its number, where the action's types are of the
    /// thing alone: its name then holds the number.
    pub(super) fn version<'a>(&mut self, arn: &'a str) -> Option<(Shape<'a>, Rc<Kind>)> {
        let number = arn.rsplit([':', '/']).next()?;
        let counted = !number.is_empty() && number.bytes().all(|byte| byte.is_ascii_digit());
        // Nearly no name ends in a number, and asking all of a service's templates takes long.
        let shape = if counted { self.foreign(arn)? } else { return None };
        let kind = self.of(&shape);
        let versions = kind.run_of(&shape)?.value == Some(Value::Digits);
        versions.then_some((shape, kind))
    }

    pub(super) fn of(&mut self, shape: &Shape<'_>) -> Rc<Kind> {
        let rules = self.rules;
        let kind = self.known.entry(shape.template());
        Rc::clone(kind.or_insert_with(|| Rc::new(Kind::new(shape, rules))))
    }
}

/// Returns the service and what follows the account, with `{}` for each variable.
pub(super) fn form_of(template: &str) -> String {
    let mut text = String::new();
    let mut rest = template;
    while let Some((literal, after)) = rest.split_once("${") {
        text.push_str(literal);
        text.push_str("{}");
        rest = after.split_once('}').map_or("", |(_, tail)| tail);
    }
    text.push_str(rest);
    let mut fields = text.splitn(6, ':').skip(2);
    let service = fields.next().unwrap_or_default();
    format!("{service}:{}", fields.nth(2).unwrap_or_default())
}

impl Kind {
    fn new(shape: &Shape<'_>, rules: &Rules) -> Kind {
        let form = form_of(shape.template());
        let mut colons = 0;
        let ambient = shape.parts().iter().position(|part| {
            if let Part::Literal(text) = part {
                colons += text.matches(':').count();
            }
            // The part in which the fifth colon stands is the first that may hold the name.
            colons >= 5
        });
        let ambient = ambient.map_or(shape.parts().len(), |at| at + 1);
        let keyed = rules.is_key(&form);
        let own = form.split_once(':').map_or("", |(_, own)| own);
        let variables = own.matches("{}").count();
        Kind {
            ambient,
            names: if keyed { variables.saturating_sub(1) } else { names(own) },
            service: form.split(':').next().unwrap_or_default().to_owned(),
            one_run: rules.one_run(&form),
            keyed,
            named: rules.is_named(&form),
        }
    }

    /// Returns the values of the variables after the account.
    pub(super) fn values<'s, 'a>(
        &self,
        shape: &'s Shape<'a>,
    ) -> impl Iterator<Item = &'a str> + use<'s, 'a> {
        shape.parts().iter().skip(self.ambient).filter_map(|part| match part {
            Part::Variable(value) => Some(*value),
            Part::Literal(_) => None,
        })
    }

    /// Returns how a name is of one run, if it is and looks as those of one run must.
    pub(super) fn run_of(&self, shape: &Shape<'_>) -> Option<&OneRun> {
        let one_run = self.one_run.as_ref()?;
        let looks = |value: &str| match one_run.value {
            None => true,
            Some(Value::Digits) => value.bytes().all(|byte| byte.is_ascii_digit()),
        };
        let mut values = self.values(shape).enumerate();
        values.all(|(at, value)| !one_run.stars(at) || looks(value)).then_some(one_run)
    }

    /// Returns the variables that name the thing itself; a container, where it is keyed.
    pub(super) fn name<'s, 'a>(
        &self,
        shape: &'s Shape<'a>,
    ) -> impl Iterator<Item = &'a str> + use<'s, 'a> {
        self.values(shape).take(self.names)
    }

    /// Writes the ARN with a star for each of the variables after the account that `star` names.
    pub(super) fn starred(&self, shape: &Shape<'_>, star: impl Fn(usize) -> bool) -> String {
        let mut text = String::new();
        let mut variable = 0;
        for (at, part) in shape.parts().iter().enumerate() {
            if at >= self.ambient && matches!(part, Part::Variable(_)) {
                text.push_str(if star(variable) { "*" } else { part.text() });
                variable += 1;
            } else {
                text.push_str(part.text());
            }
        }
        text
    }

    /// Splits an ARN before its last variable, where that is its end.
    pub(super) fn split<'a>(&self, shape: &Shape<'_>, arn: &'a str) -> Option<(&'a str, &'a str)> {
        let Some((Part::Variable(last), head)) = shape.parts().split_last() else { return None };
        (head.len() >= self.ambient).then(|| arn.split_at_checked(arn.len() - last.len()))?
    }

    /// Writes partition, region and account of `shape` before what `pattern` has after them.
    pub(super) fn in_place_of(&self, shape: &Shape<'_>, pattern: &Shape<'_>) -> String {
        let head = shape.parts().iter().take(self.ambient);
        head.chain(pattern.parts().iter().skip(self.ambient)).map(|part| part.text()).collect()
    }
}

/// Counts the variables that name the thing itself: those up to the first word that comes between
/// two of them and begins a part of the thing, as in `table/{}/index/{}`. A form that begins with a
/// variable (`{}/webacl/{}/{}`) does not tell, and all of its variables count.
fn names(own: &str) -> usize {
    let word = |literal: &str| literal.bytes().any(|byte| byte.is_ascii_alphanumeric());
    let mut literals = own.split("{}");
    let all = own.matches("{}").count();
    if !literals.next().is_some_and(word) {
        return all;
    }
    // The literal after each variable; the one after the last begins nothing.
    literals.take(all.saturating_sub(1)).position(word).map_or(all, |at| at + 1)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_form_is_the_service_and_what_follows_the_account() {
        for (template, form) in [
            ("arn:${Partition}:s3:::${BucketName}/${ObjectName}", "s3:{}/{}"),
            (
                "arn:${Partition}:states:${Region}:${Account}:execution:${M}:${E}",
                "states:execution:{}:{}",
            ),
            ("arn:${Partition}:apigateway:${Region}::/apis", "apigateway:/apis"),
        ] {
            assert_eq!(form_of(template), form);
        }
    }

    #[test]
    fn a_word_between_variables_begins_a_part() {
        for (own, expected) in [
            ("table/{}", 1),
            ("table/{}/index/{}", 1),
            ("table/{}/{}", 2),
            ("stack/{}/{}", 2),
            ("{}/webacl/{}/{}", 3),
            ("log-group:{}:log-stream:{}", 1),
            ("/apis", 0),
        ] {
            assert_eq!(names(own), expected, "{own}");
        }
    }
}
