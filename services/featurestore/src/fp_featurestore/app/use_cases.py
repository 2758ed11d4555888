"""Every use-case of the feature store."""

from dataclasses import dataclass

from fp_kernel import Clock

from fp_featurestore.app.catalog import Catalog
from fp_featurestore.app.define_view import DefineView
from fp_featurestore.app.delete_view import DeleteView
from fp_featurestore.app.follow import Follow
from fp_featurestore.app.get_historical import GetHistorical
from fp_featurestore.app.get_online import GetOnline
from fp_featurestore.app.ports import Observe, Offline, Online, Transactions, Views
from fp_featurestore.app.queries import Queries
from fp_featurestore.app.rebuild import Rebuild
from fp_featurestore.app.training_set import GetTrainingSet
from fp_featurestore.app.write_features import WriteFeatures


@dataclass(frozen=True, slots=True)
class UseCases:
    queries: Queries
    define_view: DefineView
    delete_view: DeleteView
    write_features: WriteFeatures
    get_online: GetOnline
    get_historical: GetHistorical
    get_training_set: GetTrainingSet
    rebuild: Rebuild


def build(
    transactions: Transactions,
    views: Views,
    catalog: Catalog,
    *,
    online: Online,
    offline: Offline,
    rebuild: Rebuild,
    clock: Clock,
    read: Observe,
    copied: Observe,
) -> UseCases:
    """read, copied: hear how online reads were answered, and how changes came to the online view."""
    follow = Follow(online, copied)
    return UseCases(
        queries=Queries(views),
        define_view=DefineView(transactions, catalog, follow),
        delete_view=DeleteView(transactions, catalog, online),
        write_features=WriteFeatures(transactions, catalog, follow),
        get_online=GetOnline(catalog, online, offline, clock=clock, observe=read),
        get_historical=GetHistorical(catalog, offline),
        get_training_set=GetTrainingSet(catalog, offline),
        rebuild=rebuild,
    )
